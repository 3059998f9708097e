//! Replays the days: people meet, cases test positive, disclose, and everybody's phone finds out what it can.
//!
//! Of each day: everybody broadcasts and hears; in the evening the officer issues a code for each case, their phones
//! upload, the server publishes a little later, every phone syncs. Then the phones are held against the truth.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};
use truyvet_crypto::{Day, Timestamp};
use truyvet_phone::{BIN_SECONDS, ConnectOptions, Connection, UploadReport};

use super::{
    calendar::Calendar,
    cases::Case,
    clock::DemoClock,
    contacts::{Contacts, Person},
    crowd::{Crowd, Evening},
    office::Office,
    outcome::{DayOutcome, Outcome, Phase},
    progress::Progress,
    scans::Scans,
    truth::{self, Disclosure, Minutes},
};
use crate::date;

/// What is replayed.
pub(crate) struct Script<'a> {
    /// Who is near whom.
    pub(crate) contacts: &'a Contacts,
    /// When.
    pub(crate) calendar: Calendar,
    /// Which phone scans in which steps.
    pub(crate) scans: &'a Scans,
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

    let mut told = Told::default();
    let mut disclosures = Vec::new();
    let mut days = Vec::new();
    let mut batches = BTreeSet::new();
    let mut batches_applied = vec![0; script.contacts.people()];
    let mut sightings = 0;
    for day in 0..script.days {
        let evening = script.calendar.evening(day, office.settings().scheme);
        progress.doing("broadcast and hear");
        let hear = crowd.hear(
            script.contacts_of(day),
            script.calendar,
            script.scans,
            script.calendar.day(day),
            evening,
        );
        sightings += watch.time(Phase::Hear, hear).await?;
        clock.set(evening);

        let tested: Vec<&Case> = script.cases.iter().filter(|c| c.tested_on == day).collect();
        progress.doing("upload");
        let mut uploads = Vec::new();
        for case in &tested {
            let (upload, disclosure) =
                disclose(case, script, &office, &crowd, evening, &mut watch).await?;
            uploads.push(upload);
            disclosures.push(disclosure);
        }
        progress.doing("publish");
        let published_at = published_at(evening, &office);
        clock.set(published_at);
        let published = watch.time(Phase::Publish, office.publish()).await?;
        let listed = office.listed().await?;
        batches.extend(listed.into_iter().map(|batch| batch.digest));
        progress.doing("download and match");
        let evenings = watch.time(Phase::Sync, crowd.sync(published_at)).await?;
        for (applied, evening) in batches_applied.iter_mut().zip(&evenings) {
            *applied += evening.batches;
        }
        let outcome = DayOutcome {
            day: script.calendar.day(day),
            cases: u32::try_from(tested.len())?,
            uploads: u32::try_from(uploads.iter().filter(|upload| upload.slots > 0).count())?,
            newly_alerted: told.hear_from(&evenings, forgotten_into(published_at, &office)),
            batch_bytes: published.file_bytes,
            tags: published.tags,
            bytes_per_phone: mean(evenings.iter().map(|evening| evening.batch_bytes)),
        };
        progress.day_done(day, script.days, &outcome);
        days.push(outcome);
    }
    office.close().await;

    let truth = async { truth::told(script.contacts, script.calendar, script.scans, &disclosures) };
    Ok(Outcome {
        people: script.contacts.people(),
        contacts: script.contacts.all().len(),
        sightings,
        batches: batches.len(),
        batches_applied,
        days,
        expected: watch.time(Phase::Truth, truth).await,
        told: told.on_the_way,
        told_at_the_end: told.now,
        forgotten_into: told.forgotten_into,
        phases: watch.0,
        total: begin.elapsed(),
    })
}

/// When the batch of an evening closes: no phone can record the last slot of the day any more, however far its clock is
/// off. Slots that ended later would wait for the next batch.
fn published_at(evening: Timestamp, office: &Office) -> Timestamp {
    let tolerance_seconds = office.settings().clock_tolerance_seconds;
    evening.plus_seconds((tolerance_seconds + BIN_SECONDS).into())
}

/// The day of Vietnam's calendar that the retention cuts apart.
fn forgotten_into(now: Timestamp, office: &Office) -> Day {
    let days = i64::from(office.settings().retention_days);
    date::in_vietnam(now.plus_seconds(-86_400 * days))
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
    // Nobody watches: the town need not wait between the calls of its uploads.
    let options = ConnectOptions {
        report_gap_ms: 0,
        ..ConnectOptions::default()
    };
    let connection = Connection::open(&office.phones_url(), &options)?;
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
) -> anyhow::Result<(UploadReport, Disclosure)> {
    let onset = script.calendar.day(case.onset);
    let code = watch
        .time(Phase::Authorize, office.issue_code(onset))
        .await?;
    let upload = watch
        .time(Phase::Upload, crowd.upload(case.person, &code, now))
        .await?;
    let disclosure = Disclosure {
        person: case.person,
        uploaded_at: now,
        // As the server counts the days that a code covers; documented with the setting.
        first_day: onset.minus_days(office.settings().contagious_days_before_onset),
        last_day: now.day(),
    };
    Ok((upload, disclosure))
}

/// What phones have told so far.
struct Told {
    /// Later evenings may bring more minutes of a day, when another case of that day is found.
    on_the_way: Minutes,
    /// On the last evening.
    now: Minutes,
    /// On the last evening.
    forgotten_into: Day,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            on_the_way: Minutes::new(),
            now: Minutes::new(),
            forgotten_into: Day::from_number(0),
        }
    }
}

impl Told {
    /// Takes in what every phone tells this evening. Returns how many people are told who never were before.
    fn hear_from(&mut self, evenings: &[Evening], forgotten_into: Day) -> u32 {
        self.forgotten_into = forgotten_into;
        self.now = (0..)
            .map(Person)
            .zip(evenings)
            .flat_map(|(person, evening)| {
                let days = evening.exposures.iter();
                days.map(move |exposure| {
                    let day = u32::try_from(exposure.day.number()).unwrap_or_default();
                    ((person, Day::from_number(day)), exposure.minutes)
                })
            })
            .collect();
        let before = people(&self.on_the_way);
        // A day that retention cuts apart was told of in full two weeks ago.
        let whole_days = self
            .now
            .iter()
            .filter(|((_, day), _)| *day > forgotten_into);
        self.on_the_way.extend(whole_days);
        let new = people(&self.on_the_way).difference(&before).count();
        u32::try_from(new).unwrap_or(u32::MAX)
    }
}

fn people(minutes: &Minutes) -> BTreeSet<Person> {
    minutes.keys().map(|(person, _)| *person).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn mean(values: impl ExactSizeIterator<Item = u64>) -> f64 {
    let count = values.len().max(1);
    values.sum::<u64>() as f64 / count as f64
}
