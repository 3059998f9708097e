//! How long publications take, step by step, and how old the uploads in them are at each.
//!
//! Ages count from the window's start: when its oldest upload *can* have come. No arrival is noted anywhere, not even in
//! memory: in a quiet window the bucket that a lone upload's age falls into would tell everybody who reads `/metrics`, or
//! what Prometheus keeps of it, when that person reported. Start and end of a window stand in every batch anyway. No upload
//! is older than these ages say, and none younger than the time since the window closed, which the steps' durations add up to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tracing::{Span, info_span};
use truyvet_crypto::Timestamp;
use truyvet_matching::{BatchKind, Digest, Region};

use super::{Metric, SPANS, Telemetry};
use crate::{
    context::{Clock, Step, Steps},
    self_check,
    store::{ClosedWindow, PublishedBatch},
};

/// Steps of a publication by the name that ages and durations go by, with the name of the work that leads there.
const STAGES: [(&str, &str); 7] = [
    ("closed", "close"),
    ("selected", "select"),
    ("built", "build"),
    ("signed", "sign"),
    ("stored", "store"),
    ("recorded", "record"),
    ("announced", "announce"),
];

/// Watches publications as they go: one at a time, since [`crate::Context::turns`] lets through no more.
pub struct Progress {
    /// Hears of every step after this.
    inner: Arc<dyn Steps>,
    clock: Arc<dyn Clock>,
    telemetry: Arc<Telemetry>,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    current: Option<Current>,
    /// Of each region's latest delta, how many stages were told: one that is tried again has its age told once.
    told: HashMap<Region, (u64, usize)>,
    /// Deltas that are announced and that no phone has downloaded yet, with their window's start. The latest of each region.
    fresh: HashMap<Region, (Digest, Timestamp)>,
}

/// The publication under way.
struct Current {
    region: Region,
    /// Of a delta whose window is closed: sequence number and window's start.
    delta: Option<(u64, Timestamp)>,
    since: Instant,
    whole: Span,
    /// The step that is being worked on. Ends when dropped.
    step: Span,
}

impl Progress {
    pub(crate) fn new(
        inner: Arc<dyn Steps>,
        clock: Arc<dyn Clock>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            inner,
            clock,
            telemetry,
            watched: Mutex::default(),
        }
    }

    /// The region's window is being closed.
    pub(crate) fn begin(&self, region: Region) {
        self.lock().current = Current::begin(region, 0);
    }

    /// A closed window is worked on from here, for the first time or once more.
    pub(crate) fn window(&self, window: &ClosedWindow) {
        let region = window.closing.region;
        let mut watched = self.lock();
        if watched
            .current
            .as_ref()
            .is_none_or(|now| now.region != region)
        {
            // Taken up: it was closed by a run before this one.
            watched.current = Current::begin(region, 1);
        }
        let Some(current) = &mut watched.current else {
            return;
        };
        current.delta = (window.kind == BatchKind::Delta)
            .then_some((window.sequence, window.closing.window_start));
        self.tell_age(&mut watched, 0, window.closing.closed_at);
    }

    /// A batch is announced.
    pub(crate) fn published(&self, region: Region, kind: BatchKind, batch: &PublishedBatch) {
        let mut watched = self.lock();
        let Some(current) = watched.current.take() else {
            return;
        };
        let labels = [region.as_str(), &kind.to_string()];
        self.telemetry.count(Metric::BatchesPublished, &labels);
        if let Some((_, window_start)) = current.delta {
            watched.fresh.insert(region, (batch.digest, window_start));
        }
    }

    /// A publication failed; it will be tried again.
    pub(crate) fn failed(&self, region: Region) {
        self.lock().current = None;
        if region != self_check::region() {
            let labels = [region.as_str()];
            self.telemetry.count(Metric::PublicationFailures, &labels);
        }
    }

    /// A whole batch was handed out. Only the first time that a delta is counts.
    pub(crate) fn handed_out(&self, digest: Digest) {
        let mut watched = self.lock();
        let found = watched
            .fresh
            .iter()
            .find(|(_, (fresh, _))| *fresh == digest);
        let Some((&region, &(_, window_start))) = found else {
            return;
        };
        watched.fresh.remove(&region);
        drop(watched);
        self.observe_age(region, "downloaded", window_start, self.clock.now());
    }

    fn stage(&self, stage: usize, now: Timestamp) {
        let mut watched = self.lock();
        let Some(current) = &mut watched.current else {
            return;
        };
        let took = current.since.elapsed().as_secs_f64();
        current.since = Instant::now();
        current.work_on(stage + 1);
        let (step, _) = STAGES[stage];
        self.telemetry
            .observe(Metric::PublicationStepSeconds, &[step], took);
        if stage > 0 {
            self.tell_age(&mut watched, stage, now);
        }
    }

    fn tell_age(&self, watched: &mut Watched, stage: usize, now: Timestamp) {
        let Some(current) = &watched.current else {
            return;
        };
        let Some((sequence, window_start)) = current.delta else {
            return;
        };
        let region = current.region;
        let told = watched.told.entry(region).or_default();
        if *told < (sequence, stage + 1) {
            *told = (sequence, stage + 1);
            self.observe_age(region, STAGES[stage].0, window_start, now);
        }
    }

    fn observe_age(&self, region: Region, step: &str, since: Timestamp, now: Timestamp) {
        #[expect(clippy::cast_precision_loss, reason = "days are exact")]
        let age = now.seconds_since(since).max(0) as f64;
        self.telemetry
            .observe(Metric::StepAgeSeconds, &[region.as_str(), step], age);
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        // Told in numbers alone: a panic elsewhere can leave one uncounted and no more.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    /// `None` for the self-check's region: what it does every few minutes would drown what is done for phones.
    fn begin(region: Region, stage: usize) -> Option<Self> {
        if region == self_check::region() {
            return None;
        }
        let whole = info_span!(target: SPANS, parent: None, "publish", region = %region);
        let mut current = Self {
            region,
            delta: None,
            since: Instant::now(),
            whole,
            step: Span::none(),
        };
        current.work_on(stage);
        Some(current)
    }

    fn work_on(&mut self, stage: usize) {
        self.step = STAGES.get(stage).map_or_else(Span::none, |(_, work)| {
            info_span!(target: SPANS, parent: &self.whole, "publish_step", otel.name = *work)
        });
    }
}

impl Steps for Progress {
    fn reached(&self, step: Step) {
        let stage = match step {
            Step::RedeemReceived
            | Step::RedeemStored
            | Step::UploadReceived
            | Step::UploadValidated
            | Step::UploadWritten
            | Step::UploadStored
            | Step::WindowDue => None,
            Step::WindowClosed => Some(0),
            Step::TagsSelected(_) => Some(1),
            Step::BatchBuilt(_) => Some(2),
            Step::BatchSigned(_) => Some(3),
            Step::BatchStored(_) => Some(4),
            Step::BatchRecorded(_) => Some(5),
            Step::IndexSigned(_) => Some(6),
        };
        if let Some(stage) = stage {
            self.stage(stage, self.clock.now());
        }
        self.inner.reached(step);
    }
}
