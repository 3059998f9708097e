//! What the tests of the whole way share: a world with a real server in it, a town of real phones around it, a client
//! that says exactly what it is told to, a browser, the portal's people, an authenticator in software, and a server process that can be killed
//! between any two steps.

pub mod authenticator;
pub mod browser;
pub mod places;
pub mod portal;
pub mod process;
pub mod raw;
pub mod shared_data;
pub mod town;
pub mod world;
