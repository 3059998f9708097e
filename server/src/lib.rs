//! The server: authorize, take in, keep, publish, hand out, forget.
//!
//! The modules stand in the order of the data:
//!
//! | module | what happens to a record there |
//! |---|---|
//! | [`officers`] | units, accounts, client keys: who may do what |
//! | [`sign_in`] | officers' browsers: invitations, passwords, second factors, sessions |
//! | [`audit`] | what officers did, chained by hash |
//! | [`figures`] | how many codes came to what, by unit and day; the reports that units owe |
//! | [`authorize`] | an officer issues an upload code; a phone turns it into a blind token |
//! | [`upload`] | a request becomes a `ValidUpload`, pays with its token, is stored (or takes back what was) |
//! | [`store`] | what is remembered, and for how long (`store/sqlite/migrations`, `store/postgres/migrations`) |
//! | [`publish`] | a window closes; its tags become a signed batch file |
//! | [`batch_store`] | the folder or bucket that the files are in |
//! | [`download`] | configuration, index and files as they are handed out |
//! | [`retention`] | what has outlived its purpose is forgotten |
//! | [`self_check`] | all of it every few minutes, with a case that is nobody |
//! | [`backup`] | copies taken while it runs, and a server made from one |
//! | [`migrate`] | a server moves from SQLite into PostgreSQL |
//! | [`telemetry`] | what operators are told of all that, in numbers |
//! | [`false_alarms`] | how many of them are to be expected, by what was published |
//! | [`console`] | how the server is, on a page for operators |
//!
//! Edges: `grpc` (the only place that knows tonic), `http`, `portal` and `console` (with `charts` the only places that
//! know HTML). [`start`] puts it all together. Clock, randomness and steps come in as [`Effects`]; only `cli` makes the
//! real ones.

pub mod audit;
pub mod authorize;
pub mod backup;
pub mod batch_store;
mod charts;
pub mod console;
mod context;
pub mod csv;
mod disk;
pub mod download;
pub mod false_alarms;
pub mod figures;
mod grpc;
mod http;
pub mod keys;
pub mod migrate;
pub mod officers;
mod portal;
pub mod preflight;
pub mod publish;
pub mod readiness;
pub mod ready_state;
pub mod retention;
pub mod retire;
mod run;
pub mod self_check;
pub mod settings;
pub mod sign_in;
pub mod store;
pub mod telemetry;
pub mod upload;

pub use context::{Clock, Context, Effects, Entropy, Step, Steps, WalkOn};
pub use http::ListenError;
pub use run::{Server, StartError, create_first_officer, start};
