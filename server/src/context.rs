//! Effects as arguments: clock, randomness, and the points at which a test may stop the world.
//!
//! Only `cli` makes the real ones (tests and benches make theirs).

use std::sync::{Arc, Mutex, PoisonError};

use rand::{SeedableRng, rngs::StdRng};
use truyvet_crypto::Timestamp;
use truyvet_matching::BatchKind;

use crate::{
    authorize::Brake,
    batch_store::BatchStore,
    console::Console,
    download::Catalog,
    keys::Keys,
    publish::Turns,
    readiness::Condition,
    ready_state::ReadyState,
    settings::Settings,
    sign_in::SignIn,
    store::Store,
    telemetry::{Progress, Sampler, Telemetry},
};

/// What time it is.
pub trait Clock: Send + Sync {
    /// Now, by this clock.
    fn now(&self) -> Timestamp;
}

/// Where all randomness comes from: one seeded generator, from which each caller gets one of its own.
pub struct Entropy(Mutex<StdRng>);

impl Entropy {
    /// From a seed: 32 bytes of the operating system's, or a test's.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Mutex::new(StdRng::from_seed(seed)))
    }

    /// A fresh cryptographic generator.
    #[must_use]
    pub fn rng(&self) -> StdRng {
        // A panic elsewhere cannot leave a generator half-changed.
        let mut parent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        StdRng::from_rng(&mut *parent)
    }
}

/// Every point between two steps of an upload and of a publication. What was done before it is done; nothing after it
/// has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A redemption came in.
    RedeemReceived,
    /// The code is marked redeemed; the phone has no answer yet.
    RedeemStored,
    /// An upload came in.
    UploadReceived,
    /// It is valid; nothing is stored.
    UploadValidated,
    /// The token is spent and the keys are written, or taken back; the transaction is not committed.
    UploadWritten,
    /// Committed; the phone has no answer yet.
    UploadStored,
    /// A window is due; it takes uploads still.
    WindowDue,
    /// Closed: what comes in from now on belongs to the next window.
    WindowClosed,
    /// The tags of its delta, or then of its withdrawal, are selected and padded.
    TagsSelected(BatchKind),
    /// The file is built.
    BatchBuilt(BatchKind),
    /// The file is signed.
    BatchSigned(BatchKind),
    /// The file is in the object store; no index names it.
    BatchStored(BatchKind),
    /// The store says that it is published.
    BatchRecorded(BatchKind),
    /// The index names it.
    IndexSigned(BatchKind),
}

/// Hears of every step. The product's does nothing; a fault test's stops the process at the step it was given.
pub trait Steps: Send + Sync {
    /// Called at the step, on the thread that takes it.
    fn reached(&self, step: Step);
}

/// Walks on at every step.
pub struct WalkOn;

impl Steps for WalkOn {
    fn reached(&self, _: Step) {}
}

/// The effects that a server is started with.
#[derive(Clone)]
pub struct Effects {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<Entropy>,
    /// Hears of every step.
    pub steps: Arc<dyn Steps>,
}

/// All that the domain works with.
pub struct Context {
    /// Checked settings.
    pub settings: Settings,
    /// Clock, randomness, steps.
    pub effects: Effects,
    /// Codes, tokens, keys, windows, officers.
    pub store: Arc<dyn Store>,
    /// Batch files.
    pub batch_store: BatchStore,
    /// Secret keys.
    pub keys: Keys,
    /// Holds those who guess codes.
    pub brake: Brake,
    /// Throttle and queue of sign-ins.
    pub sign_in: SignIn,
    /// What is published, signed and ready to be handed out.
    pub catalog: Catalog,
    /// Counts what happens.
    pub telemetry: Arc<Telemetry>,
    /// What the console remembers of it.
    pub console: Console,
    /// Looks up what cannot be counted.
    pub sampler: Sampler,
    /// Watches publications.
    pub progress: Arc<Progress>,
    /// What readiness said last.
    pub ready_state: ReadyState,
    /// What the server knows of itself.
    pub condition: Condition,
    /// Whose turn it is to publish.
    pub turns: Turns,
}

impl Context {
    /// Now, by the server's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.effects.clock.now()
    }

    /// A fresh cryptographic generator.
    #[must_use]
    pub fn rng(&self) -> StdRng {
        self.effects.entropy.rng()
    }

    /// Tells whoever listens that a step was reached.
    pub fn reached(&self, step: Step) {
        self.effects.steps.reached(step);
    }
}
