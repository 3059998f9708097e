//! Replays the days: people meet, cases test positive, disclose, and everybody's phone finds out what it can.
//!
//! Of each day: everybody broadcasts and hears; in the evening the officer issues a code for each case, their phones
//! upload, the server publishes, every phone syncs. Then the phones are held against the truth.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use truyvet_crypto::{Day, Timestamp};
use truyvet_phone::{ConnectOptions, Connection};

use super::{
    calendar::Calendar,
    cases::Case,
    clock::DemoClock,
    contacts::{Contacts, Person},
    crowd::{Crowd, Evening},
    office::Office,
    outcome::{DayOutcome, Outcome, Phase},
    progress::Progress,
    truth::{self, Disclosure, Minutes},
};

/// What is replayed.
pub(crate) struct Script<'a> {
    /// Who is near whom.
    pub(crate) contacts: &'a Contacts,
    /// When.
    pub(crate) calendar: Calendar,
    /// How many days.
    pub(crate) days: u32,
    /// In the order of their tests.
    pub(crate) cases: &'a [Case],
    /// Of server and phones.
    pub(crate) seed: u64,
}

/// Adds up where the time goes.
#[derive(Default)]
struct Stopwatch(BTreeMap<Phase, Duration>);

impl Stopwatch {
    async fn time<T>(&mut self, phase: Phase, work: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let result = work.await;
        *self.0.entry(phase).or_default() += start.elapsed();
        result
    }
}

/// Replays a script with a real server and real phones.
///
/// # Errors
/// Whatever stops a server or a phone from doing its work; a wrong result is no error.
pub(crate) async fn replay(script: &Script<'_>, progress: &Progress) -> anyhow::Result<Outcome> {
    let begin = Instant::now();
    let mut watch = Stopwatch::default();
    let mut rng = StdRng::seed_from_u64(script.seed);
    let clock = Arc::new(DemoClock::new(script.calendar.start()));

    let office = watch
        .time(Phase::Start, Office::open(clock.clone(), &mut rng))
        .await?;
    let crowd = watch
        .time(Phase::Phones, async {
            make_phones(script, &office, &mut rng)
        })
        .await?;

    let mut told = Minutes::new();
    let mut disclosures = Vec::new();
    let mut days = Vec::new();
    let mut sightings = 0;
    for day in 0..script.days {
        let now = script.calendar.evening(day, office.settings().scheme);
        progress.doing("broadcast and hear");
        let hear = crowd.hear(
            script.contacts_of(day),
            script.calendar,
            script.calendar.day(day),
            now,
        );
        sightings += watch.time(Phase::Hear, hear).await?;
        clock.set(now);

        let tested: Vec<&Case> = script.cases.iter().filter(|c| c.tested_on == day).collect();
        progress.doing("upload");
        for case in &tested {
            disclosures.push(disclose(case, script, &office, &crowd, now, &mut watch).await?);
        }
        progress.doing("publish");
        let published = watch.time(Phase::Publish, office.publish()).await?;
        progress.doing("download and match");
        let evenings = watch.time(Phase::Sync, crowd.sync(now)).await?;
        let outcome = DayOutcome {
            day: script.calendar.day(day),
            cases: u32::try_from(tested.len())?,
            uploads: u32::try_from(tested.len())?,
            newly_alerted: newly_alerted(&told, &evenings),
            batch_bytes: published.file_bytes,
            tags: published.tags,
            bytes_per_phone: mean(evenings.iter().map(|evening| evening.batch_bytes)),
        };
        remember(&mut told, &evenings);
        progress.day_done(day, script.days, &outcome);
        days.push(outcome);
    }
    office.close().await;

    let truth = async { truth::told(script.contacts, script.calendar, &disclosures) };
    Ok(Outcome {
        people: script.contacts.people(),
        contacts: script.contacts.all().len(),
        sightings,
        days,
        expected: watch.time(Phase::Truth, truth).await,
        told,
        phases: watch.0,
        total: begin.elapsed(),
    })
}

impl Script<'_> {
    fn contacts_of(&self, day: u32) -> &[super::contacts::Contact] {
        let all = self.contacts.all();
        let until = |day| all.partition_point(|c| self.calendar.day_of(c.step) < day);
        &all[until(day)..until(day + 1)]
    }
}

fn make_phones(
    script: &Script<'_>,
    office: &Office,
    rng: &mut StdRng,
) -> anyhow::Result<Arc<Crowd>> {
    let connection = Connection::open(&office.phones_url(), &ConnectOptions::default())?;
    Ok(Arc::new(Crowd::new(
        script.contacts.people(),
        office.settings().scheme,
        &office.trusted_keys(),
        connection,
        office.region(),
        script.calendar.start(),
        rng,
    )?))
}

/// The officer issues a code; the case's phone redeems it and uploads.
async fn disclose(
    case: &Case,
    script: &Script<'_>,
    office: &Office,
    crowd: &Crowd,
    now: Timestamp,
    watch: &mut Stopwatch,
) -> anyhow::Result<Disclosure> {
    let onset = script.calendar.day(case.onset);
    let code = watch
        .time(Phase::Authorize, office.issue_code(onset))
        .await?;
    watch
        .time(Phase::Upload, crowd.upload(case.person, &code, now))
        .await?;
    Ok(Disclosure {
        person: case.person,
        uploaded_at: now,
        // As the server counts the days that a code covers; documented with the setting.
        first_day: onset.minus_days(office.settings().contagious_days_before_onset),
        last_day: now.day(),
    })
}

fn newly_alerted(told: &Minutes, evenings: &[Evening]) -> u32 {
    let new = evenings.iter().zip(0..).filter(|(evening, person)| {
        let of_person =
            (Person(*person), Day::from_number(0))..(Person(person + 1), Day::from_number(0));
        !evening.exposures.is_empty() && told.range(of_person).next().is_none()
    });
    u32::try_from(new.count()).unwrap_or(u32::MAX)
}

/// Later evenings may bring more minutes of a day, when another case of that day is found.
fn remember(told: &mut Minutes, evenings: &[Evening]) {
    for (evening, person) in evenings.iter().zip(0..) {
        for exposure in &evening.exposures {
            let day = u32::try_from(exposure.day.number()).unwrap_or_default();
            told.insert((Person(person), Day::from_number(day)), exposure.minutes);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mean(values: impl ExactSizeIterator<Item = u64>) -> f64 {
    let count = values.len().max(1);
    values.sum::<u64>() as f64 / count as f64
}
