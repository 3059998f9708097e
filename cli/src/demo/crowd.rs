//! Everybody's phone, and what all of them do at once: hear, download, match.
//!
//! Work is spread over a bounded number of tasks, so that hundreds of phones do not open hundreds of connections.

use std::{
    ops::DerefMut as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, ensure};
use rand::{SeedableRng, rngs::StdRng};
use tokio::task::JoinSet;
use truyvet_crypto::{Day, EphemeralId, Scheme, Timestamp, sign::TrustedKeys};
use truyvet_matching::{Exposure, Region};
use truyvet_phone::{Connection, Heard, Phone, UploadOptions, UploadReport};

use super::{
    calendar::Calendar,
    contacts::{Contact, Person},
    radio,
    scans::Scans,
};

/// Phones that work at the same time.
const AT_ONCE: usize = 16;

/// Everybody's phone, by [`Person`].
pub(crate) struct Crowd {
    phones: Vec<Owned>,
    connection: Connection,
    region: Region,
}

/// A phone and its randomness.
struct Owned {
    phone: Phone,
    rng: Mutex<StdRng>,
}

/// What one evening's sync brought a phone.
pub(crate) struct Evening {
    /// Batches downloaded and matched.
    pub(crate) batches: usize,
    /// Their bytes.
    pub(crate) batch_bytes: u64,
    /// Every day of exposure the phone knows of.
    pub(crate) exposures: Vec<Exposure>,
}

impl Crowd {
    /// One new phone for everybody, all of them trusting `trusted`.
    pub(crate) fn new(
        people: usize,
        scheme: Scheme,
        trusted: &TrustedKeys,
        connection: Connection,
        region: Region,
        now: Timestamp,
        rng: &mut StdRng,
    ) -> anyhow::Result<Self> {
        let phones = (0..people)
            .map(|_| {
                let mut rng = StdRng::from_rng(rng);
                let phone = Phone::in_memory(scheme, trusted.clone(), now, &mut rng)?;
                let rng = Mutex::new(rng);
                Ok(Owned { phone, rng })
            })
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            phones,
            connection,
            region,
        })
    }

    /// Everybody broadcasts through one UTC day, and phones that scan within radio range keep what they hear.
    ///
    /// - `contacts`: of that day.
    /// - `now`: after the last of them.
    ///
    /// Returns how many sightings were kept.
    pub(crate) async fn hear(
        self: &Arc<Self>,
        contacts: &[Contact],
        calendar: Calendar,
        scans: &Scans,
        day: Day,
        now: Timestamp,
    ) -> anyhow::Result<u64> {
        let ids = self
            .each(move |crowd, person| async move { crowd.ids_of(person, day) })
            .await?;
        let mut heard: Vec<Vec<(EphemeralId, Timestamp, i8)>> = vec![Vec::new(); self.phones.len()];
        for contact in contacts {
            let Some(rssi_dbm) = radio::rssi_dbm(contact.distance_mm) else {
                continue;
            };
            let time = calendar.time(contact.step);
            let slot = self.phones[0].phone.scheme().slot_at(time);
            let index = self.phones[0].phone.scheme().index_in_day(slot) as usize;
            for (listener, speaker) in [(contact.a, contact.b), (contact.b, contact.a)] {
                if scans.scans(listener, contact.step) {
                    heard[listener.index()].push((ids[speaker.index()][index], time, rssi_dbm));
                }
            }
        }
        let heard = Arc::new(heard);
        let kept = self
            .each(move |crowd, person| {
                let heard = Arc::clone(&heard);
                async move { crowd.keep(person, &heard[person.index()], now) }
            })
            .await?;
        Ok(kept.into_iter().sum())
    }

    /// A case's phone redeems the code and discloses.
    pub(crate) async fn upload(
        &self,
        person: Person,
        code: &str,
        now: Timestamp,
    ) -> anyhow::Result<UploadReport> {
        let Owned { phone, rng } = &self.phones[person.index()];
        let mut rng = StdRng::from_rng(lock(rng).deref_mut());
        let options = UploadOptions::default();
        phone
            .upload(&self.connection, code, None, &options, now, &mut rng)
            .await
            .with_context(|| format!("upload of phone {}", person.0))
    }

    /// Every phone downloads, verifies and matches what is new; by [`Person`].
    pub(crate) async fn sync(self: &Arc<Self>, now: Timestamp) -> anyhow::Result<Vec<Evening>> {
        self.each(move |crowd, person| async move {
            let phone = &crowd.phones[person.index()].phone;
            phone.purge(now)?;
            let report = phone
                .sync(&crowd.connection, crowd.region, now)
                .await
                .with_context(|| format!("sync of phone {}", person.0))?;
            Ok(Evening {
                batches: report.batches,
                batch_bytes: report.bytes,
                exposures: phone.exposures(now)?,
            })
        })
        .await
    }

    fn ids_of(&self, person: Person, day: Day) -> anyhow::Result<Vec<EphemeralId>> {
        let Owned { phone, rng } = &self.phones[person.index()];
        Ok(phone.ids_of_day(day, lock(rng).deref_mut())?)
    }

    fn keep(
        &self,
        person: Person,
        heard: &[(EphemeralId, Timestamp, i8)],
        now: Timestamp,
    ) -> anyhow::Result<u64> {
        if heard.is_empty() {
            return Ok(0);
        }
        let heard = heard.iter().map(|(id, time, rssi_dbm)| Heard {
            id: id.as_bytes(),
            time: *time,
            rssi_dbm: (*rssi_dbm).into(),
        });
        let report = self.phones[person.index()].phone.hear_all(heard, now)?;
        ensure!(
            report.refused.is_empty(),
            "phone {} refused {:?}",
            person.0,
            report.refused[0]
        );
        Ok(report.kept as u64)
    }

    /// Does one thing with every phone, [`AT_ONCE`] at a time; results by [`Person`].
    async fn each<T, F, Work>(self: &Arc<Self>, work: F) -> anyhow::Result<Vec<T>>
    where
        T: Send + 'static,
        F: Fn(Arc<Self>, Person) -> Work + Clone + Send + Sync + 'static,
        Work: Future<Output = anyhow::Result<T>> + Send,
    {
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (crowd, next, work) = (Arc::clone(self), Arc::clone(&next), work.clone());
            tasks.spawn(async move {
                let mut done = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= crowd.phones.len() {
                        return anyhow::Ok(done);
                    }
                    let person = Person(u32::try_from(index)?);
                    done.push((person, work(Arc::clone(&crowd), person).await?));
                }
            });
        }
        let mut all = Vec::with_capacity(self.phones.len());
        while let Some(done) = tasks.join_next().await {
            all.extend(done??);
        }
        all.sort_unstable_by_key(|(person, _)| *person);
        Ok(all.into_iter().map(|(_, result)| result).collect())
    }
}

/// Nothing panics while it holds a generator.
fn lock(rng: &Mutex<StdRng>) -> std::sync::MutexGuard<'_, StdRng> {
    rng.lock().unwrap_or_else(PoisonError::into_inner)
}
