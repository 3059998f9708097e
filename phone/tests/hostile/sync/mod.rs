//! Sync against servers and networks that cut, alter, replay, hold back and forge.
//!
//! The world of these tests; the tests themselves are in `batches` and `index`.

mod batches;
mod index;

use crate::{
    http::{Asked, Page, Responder},
    meet, noon, phone,
    publisher::{Publisher, signed, signed_config, tags_of},
    rng, trusted,
};
use prost::Message;
use truyvet_crypto::{
    Scheme, Tag, Timestamp,
    sign::{Purpose, SigningKey},
};
use truyvet_matching::{BatchKind, Digest};
use truyvet_phone::{Phone, SyncReport};

const INDEX: &str = "/v1/VN/index";

/// A phone that met a case at noon, a server, and what is published.
struct World {
    server: Responder,
    publisher: Publisher,
    mine: Phone,
    case: Phone,
    now: Timestamp,
}

impl World {
    async fn new() -> Self {
        let (mine, case) = (phone(Scheme::Bluezone, 1), phone(Scheme::Bluezone, 2));
        meet(&mine, &case, noon());
        Self {
            server: Responder::start().await,
            publisher: Publisher::new(),
            mine,
            case,
            now: noon().plus_seconds(3_600),
        }
    }

    /// Publishes `batches`: the case in the first, then strangers.
    fn publish(&mut self, batches: u8) {
        for batch in 0..batches {
            let tags = match batch {
                0 => tags_of(&self.case),
                n => vec![Tag::from_bytes([n; 16])],
            };
            self.publisher.publish(tags, self.now);
        }
        self.send();
    }

    fn send(&self) {
        self.server
            .send_all(&self.publisher, &self.publisher.index(self.now));
    }

    async fn sync_of(&self, phone: &Phone) -> Result<SyncReport, String> {
        phone
            .sync(&self.server.connection, self.publisher.region, self.now)
            .await
            .map_err(|error| error.to_string())
    }

    async fn sync(&self) -> Result<SyncReport, String> {
        self.sync_of(&self.mine).await
    }

    fn exposures(&self) -> usize {
        self.mine.exposures(self.now).unwrap().len()
    }

    /// Whatever the server sends for the batches now, it is refused so, and a later honest answer is taken.
    async fn refused_then_taken(&self, reason: &str) {
        assert_eq!(self.sync().await.unwrap_err(), reason);
        assert_eq!(self.exposures(), 0);
        self.send();
        let report = self.sync().await.unwrap();
        assert!(!report.index_unchanged && report.new_matches == 3);
        assert_eq!(self.exposures(), 1);
    }
}

fn asked(path: &str, range: Option<usize>) -> Asked {
    Asked {
        path: path.to_owned(),
        range,
        if_none_match: None,
    }
}
