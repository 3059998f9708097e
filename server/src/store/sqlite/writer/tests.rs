//! The writing thread from outside.

use super::*;

pub(in crate::store::sqlite) fn start(connection: Connection) -> Arc<Writer> {
    Arc::new(Writer::start(connection, Arc::default()).unwrap())
}

fn writer() -> Arc<Writer> {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY)")
        .unwrap();
    start(connection)
}

pub(in crate::store::sqlite) async fn insert(writer: &Writer, n: i64) -> Result<usize> {
    writer
        .write(move |connection| {
            connection
                .execute("INSERT INTO n (n) VALUES (?1)", [n])
                .map_err(database_error)
        })
        .await
}

async fn count(writer: &Writer) -> i64 {
    writer
        .write(|connection| {
            connection
                .query_row("SELECT count(*) FROM n", [], |row| row.get(0))
                .map_err(database_error)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn work_that_fails_takes_nothing_of_the_others_with_it() {
    let writer = writer();
    let tasks: Vec<_> = (0..200)
        .map(|i| {
            let writer = Arc::clone(&writer);
            // Every number twice: one of each pair fails.
            tokio::spawn(async move { insert(&writer, i / 2).await })
        })
        .collect();
    let mut stored = 0;
    for task in tasks {
        stored += i64::from(task.await.unwrap().is_ok());
    }
    assert_eq!(stored, 100);
    assert_eq!(count(&writer).await, 100);
    let counted = |metric| writer.telemetry.value(metric, &[]);
    // Ended, or rolled back and done again piece by piece: each commit is counted once.
    assert!((1.0..=201.0).contains(&counted(Metric::CommitGroup)));
    assert_eq!(counted(Metric::CommitGroup), counted(Metric::CommitSeconds));
    assert_eq!(counted(Metric::WriterQueue), 0.0);
}

#[tokio::test]
async fn a_failed_piece_leaves_no_half_behind() {
    let writer = writer();
    let outcome: Result<()> = writer
        .write(|connection| {
            connection
                .execute("INSERT INTO n VALUES (1)", [])
                .map_err(database_error)?;
            Err(StoreError::Inconsistent("on purpose".into()))
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::Inconsistent(_))));
    assert_eq!(count(&writer).await, 0);
}

/// Inserts a number; whoever waits for it.
fn job(n: i64) -> (Box<dyn Job>, oneshot::Receiver<Result<usize>>) {
    let (reply, outcome) = oneshot::channel();
    let work = move |connection: &Connection| {
        connection
            .execute("INSERT INTO n VALUES (?1)", [n])
            .map_err(database_error)
    };
    let job = Work {
        work,
        outcome: None,
        reply,
    };
    (Box::new(job), outcome)
}

/// What waits is done in turn, in as few commits as its time allows, whether all of it succeeds or not.
#[test]
fn a_commit_ends_with_the_piece_in_which_its_time_is_over() {
    const HOUR: Duration = Duration::from_secs(3_600);
    for (time, commits) in [(Duration::ZERO, vec![1; 6]), (HOUR, vec![5, 1])] {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY)")
            .unwrap();
        let (sender, mut jobs) = mpsc::channel::<Box<dyn Job>>(QUEUE);
        let mut outcomes = Vec::new();
        // The fifth fails: its number is there. What comes behind one that failed has not been begun.
        for n in [0, 1, 2, 3, 0, 4] {
            let (job, outcome) = job(n);
            outcomes.push(outcome);
            sender.try_send(job).unwrap_or_else(|_| panic!());
        }
        let (mut group, mut done) = (Vec::new(), Vec::new());
        while let Ok(first) = jobs.try_recv() {
            group.push(first);
            commit_group(&connection, &mut group, &mut jobs, time).unwrap();
            assert!(connection.is_autocommit());
            done.push(group.len());
            group.drain(..).for_each(|job| job.finish(None));
        }
        assert_eq!(done, commits);
        let good: Vec<_> = outcomes
            .iter_mut()
            .map(|outcome| outcome.try_recv().unwrap().is_ok())
            .collect();
        assert_eq!(good, [true, true, true, true, false, true]);
        let stored: i64 = connection
            .query_row("SELECT count(*) FROM n", [], |row| row.get(0))
            .unwrap();
        assert_eq!(stored, 5);
    }
}

/// Each would wait for the same lock as long as the one before it.
#[test]
fn what_waits_behind_a_locked_database_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("n.db");
    let (connection, other) = (
        Connection::open(&path).unwrap(),
        Connection::open(&path).unwrap(),
    );
    connection
        .execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY)")
        .unwrap();
    connection.busy_timeout(Duration::ZERO).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (sender, mut jobs) = mpsc::channel::<Box<dyn Job>>(QUEUE);
    for n in 1..4 {
        sender.try_send(job(n).0).unwrap_or_else(|_| panic!());
    }
    let mut group = vec![job(0).0];
    assert!(commit_group(&connection, &mut group, &mut jobs, WORK).is_err());
    assert_eq!(group.len(), 4);
    assert!(connection.is_autocommit());
}

#[tokio::test]
async fn a_queue_that_is_full_says_so() {
    let writer = writer();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let first = Arc::clone(&writer);
    let holds_the_thread =
        tokio::spawn(async move { first.write(move |_| Ok(blocked.recv().is_err())).await });
    let mut waiting = Vec::new();
    let busy = loop {
        let writer = Arc::clone(&writer);
        let mut task = Box::pin(async move { insert(&writer, 1).await });
        // One poll puts it into the queue, or not.
        match futures_util::poll!(&mut task) {
            std::task::Poll::Ready(Err(StoreError::Busy)) => break true,
            std::task::Poll::Ready(_) => break false,
            std::task::Poll::Pending => waiting.push(task),
        }
        tokio::task::yield_now().await;
    };
    assert!(busy);
    assert_eq!(writer.telemetry.value(Metric::WriterBusy, &[]), 1.0);
    assert!(writer.telemetry.value(Metric::WriterQueue, &[]) >= (QUEUE - 1) as f64);
    // The piece that holds the thread may not have left the queue yet.
    assert!(waiting.len() >= QUEUE - 1);
    // Not sent but dropped: the work may run twice.
    drop(release);
    assert!(holds_the_thread.await.unwrap().unwrap());
}

#[tokio::test]
async fn what_was_handed_over_is_done_before_it_closes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("n.db");
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY)")
        .unwrap();
    let writer = start(connection);
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let mut held = Box::pin(writer.write(move |_| Ok(blocked.recv().is_err())));
    assert!(futures_util::poll!(&mut held).is_pending());
    let mut waiting = Vec::new();
    for n in 0..50 {
        let mut insert = Box::pin(insert(&writer, n));
        assert!(futures_util::poll!(&mut insert).is_pending());
        waiting.push(insert);
    }
    let closing = Arc::clone(&writer);
    let closed = tokio::task::spawn_blocking(move || closing.close());
    while lock(&writer.jobs).is_some() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // It is closing, and nothing is done: the first piece holds the thread.
    drop(release);
    closed.await.unwrap();
    assert!(held.await.unwrap());
    for insert in waiting {
        insert.await.unwrap();
    }
    assert!(insert(&writer, 100).await.is_err());
    let stored: i64 = Connection::open(&path)
        .unwrap()
        .query_row("SELECT count(*) FROM n", [], |row| row.get(0))
        .unwrap();
    assert_eq!(stored, 50);
}

/// Nothing of it is stored, whoever asked is told, and the next group is none the worse.
#[tokio::test]
async fn a_group_that_cannot_be_committed_is_counted_by_its_cause() {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "PRAGMA foreign_keys = ON;
             CREATE TABLE n (n INTEGER PRIMARY KEY);
             CREATE TABLE child (n INTEGER REFERENCES n DEFERRABLE INITIALLY DEFERRED);",
        )
        .unwrap();
    let writer = start(connection);
    let outcome = writer
        .write(|connection| {
            connection
                .execute("INSERT INTO child VALUES (77)", [])
                .map_err(database_error)
        })
        .await;
    assert!(matches!(outcome, Err(StoreError::Database(_))));
    let counted = |metric, labels: &[&str]| writer.telemetry.value(metric, labels);
    assert_eq!(counted(Metric::CommitFailures, &["database"]), 1.0);
    assert_eq!(counted(Metric::CommitGroup, &[]), 0.0);
    insert(&writer, 1).await.unwrap();
    assert_eq!(count(&writer).await, 1);
}
