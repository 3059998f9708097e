//! Everything that a real phone calls for an upload, a withdrawal, a refused code, a code of the other kind, or a decoy: the
//! same connections in the same order, of the same sizes, with the same gaps.

use std::collections::{BTreeMap, BTreeSet};

use rand::{rngs::StdRng, seq::SliceRandom as _};
use tokio::task::JoinSet;
use truyvet_crypto::UploadCode;
use truyvet_phone::{
    ConnectOptions, Connection, Heard, Phone, UploadError, UploadOptions, UploadReport,
};
use truyvet_tests::world::{World, rng};

use crate::{
    sizes::one_size,
    stats::{critical, kolmogorov_smirnov, median},
    times::{LEVEL, NOTICED_LEVEL},
    watcher::{Line, Watcher, milliseconds},
    world_over_tls,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Flow {
    Decoy,
    Upload,
    Withdrawal,
    RefusedCode,
    OtherKind,
}

const FLOWS: [Flow; 5] = [
    Flow::Decoy,
    Flow::Upload,
    Flow::Withdrawal,
    Flow::RefusedCode,
    Flow::OtherKind,
];

/// Of each kind, on each watcher: with ten, a brake would hold the phone for its refused codes.
const ROUNDS: usize = 7;

/// The same where no code is refused.
const MORE_ROUNDS: usize = 20;

/// At a time, each with a phone and a world of its own: one server's brake would hold the phones for each other's wrong codes.
const WATCHERS: usize = 4;

/// What one flow took, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// From the configuration to the request that presents a code.
    before_code: f64,
    redeemed: f64,
    /// From the answer to the code to the first byte of the next connection.
    before_upload: f64,
    uploaded: f64,
}

/// A phone in the world that has met somebody, and how it reaches the server.
struct Case {
    world: World,
    watcher: Watcher,
    phone: Phone,
    report_gap_ms: u64,
    rng: StdRng,
}

impl Case {
    async fn new(seed: u64, report_gap_ms: u64) -> Self {
        let world = world_over_tls(|settings| settings.answer_after_ms = 30).await;
        let watcher = Watcher::before(world.server.public_addr()).await;
        let mut rng = rng(seed);
        let (now, scheme) = (world.now(), world.settings.scheme);
        let yesterday = now.plus_seconds(-86_400);
        // In files: a phone waits for its flash between two calls, too.
        let mut phone = |name| {
            let folder = world.folder().join(name);
            Phone::open(&folder, scheme, world.trusted(), yesterday, &mut rng).unwrap()
        };
        let (phone, other) = (phone("case"), phone("other"));
        let case = Self {
            world,
            watcher,
            phone,
            report_gap_ms,
            rng,
        };
        let direct = case.connection(case.world.server.public_addr());
        case.phone.refresh_config(&direct, now).await.unwrap();
        let id = other.broadcast_id(now, &mut self::rng(seed)).unwrap();
        let heard = Heard {
            id: id.as_bytes(),
            time: now,
            rssi_dbm: -60,
        };
        case.phone.hear(heard, now).unwrap().unwrap();
        case
    }

    fn connection(&self, server: std::net::SocketAddr) -> Connection {
        let options = ConnectOptions {
            ca_pem: self.world.certificate(),
            report_gap_ms: self.report_gap_ms,
            ..ConnectOptions::default()
        };
        Connection::open(&format!("https://{server}"), &options).unwrap()
    }

    async fn upload(
        &mut self,
        connection: &Connection,
        code: &str,
    ) -> Result<UploadReport, UploadError> {
        let (now, options) = (self.world.now(), UploadOptions::default());
        let phone = &self.phone;
        phone
            .upload(connection, code, None, &options, now, &mut self.rng)
            .await
    }

    /// Makes all calls of a flow by a connection of its own, and gives what passed.
    async fn flow(&mut self, flow: Flow) -> Vec<Line> {
        let now = self.world.now();
        let code = match flow {
            Flow::Upload => self.world.code().await,
            Flow::Withdrawal | Flow::OtherKind => self.world.withdrawal_code().await,
            Flow::Decoy | Flow::RefusedCode => {
                UploadCode::generate(&mut self.rng).grouped().to_string()
            }
        };
        let connection = self.connection(self.watcher.address);
        match flow {
            Flow::Decoy => self.phone.decoy(&connection, now).await.unwrap(),
            Flow::Upload => drop(self.upload(&connection, &code).await.unwrap()),
            Flow::Withdrawal => {
                let withdrawn = self.phone.withdraw(&connection, &code, now, &mut self.rng);
                withdrawn.await.unwrap();
            }
            Flow::RefusedCode => {
                let refused = self.upload(&connection, &code).await.unwrap_err();
                assert!(matches!(refused, UploadError::Redeem(_)), "{refused}");
            }
            Flow::OtherKind => {
                let refused = self.upload(&connection, &code).await.unwrap_err();
                let other = matches!(refused, UploadError::OtherKind { .. });
                assert!(other, "{refused}");
                self.phone.abandon_upload().await.unwrap();
            }
        }
        drop(connection);
        self.watcher.take().await
    }
}

/// What one watcher saw.
async fn watch(
    seed: u64,
    report_gap_ms: u64,
    flows: &[Flow],
    rounds: usize,
) -> Vec<(Flow, Vec<Line>)> {
    let mut case = Case::new(seed, report_gap_ms).await;
    let direct = case.connection(case.world.server.public_addr());
    // Something to take back, whichever comes first.
    let code = case.world.code().await;
    case.upload(&direct, &code).await.unwrap();
    let mut order = flows.repeat(rounds);
    order.shuffle(&mut case.rng);
    let mut seen = vec![];
    for flow in order {
        if flow == Flow::Withdrawal && case.phone.receipts().unwrap() == 0 {
            let code = case.world.code().await;
            case.upload(&direct, &code).await.unwrap();
        }
        seen.push((flow, case.flow(flow).await));
    }
    seen
}

async fn watch_all(
    report_gap_ms: u64,
    flows: &'static [Flow],
    rounds: usize,
) -> Vec<Vec<(Flow, Vec<Line>)>> {
    let mut watchers = JoinSet::new();
    for seed in 1..=WATCHERS as u64 {
        watchers.spawn(watch(seed, report_gap_ms, flows, rounds));
    }
    watchers.join_all().await
}

fn times(lines: &[Line]) -> Times {
    let [first, second] = lines else {
        panic!("{} connections", lines.len());
    };
    // Configuration and code on the first, the upload on the second. The request for the configuration is short.
    let mut config = first.down.iter().rev();
    let config = config.find(|r| r.at < first.requests()[0].at).unwrap();
    let asked = first.requests().pop().unwrap();
    let answered = first.answers().pop().unwrap();
    Times {
        before_code: milliseconds(config.at, asked.at),
        redeemed: milliseconds(asked.at, answered.at),
        before_upload: milliseconds(answered.at, second.up[0].at),
        uploaded: second.answered_in_ms(),
    }
}

/// Distance of every flow from the first, in each time, with the one that would be noticed.
fn distances(
    seen: &[Vec<(Flow, Vec<Line>)>],
    flows: &[Flow],
    level: f64,
) -> Vec<(Flow, &'static str, f64, f64)> {
    let mut by_flow: BTreeMap<Flow, Vec<Times>> = BTreeMap::new();
    for (flow, lines) in seen.iter().flatten() {
        by_flow.entry(*flow).or_default().push(times(lines));
    }
    type Pick = (&'static str, fn(&Times) -> f64);
    let picks: [Pick; 4] = [
        ("before_code", |times| times.before_code),
        ("redeemed", |times| times.redeemed),
        ("before_upload", |times| times.before_upload),
        ("uploaded", |times| times.uploaded),
    ];
    let mut distances = vec![];
    for (name, pick) in picks {
        let of = |flow| by_flow[&flow].iter().map(pick).collect::<Vec<f64>>();
        let decoys = of(flows[0]);
        println!("{name}, {:?}: median {:.1} ms", flows[0], median(&decoys));
        for &flow in &flows[1..] {
            let others = of(flow);
            let noticed = critical(decoys.len(), others.len(), level);
            let distance = kolmogorov_smirnov(&others, &decoys);
            let median = median(&others);
            println!(
                "{name}, {flow:?}: median {median:.1} ms, distance {distance:.3} of {noticed:.3}"
            );
            distances.push((flow, name, distance, noticed));
        }
    }
    distances
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_uploads_looks_like_one_that_only_seems_to() {
    let seen = watch_all(120, &FLOWS, ROUNDS).await;
    // Watchers have ports of their own, which the requests name: sizes are compared on each.
    for watcher in &seen {
        let mut first: BTreeMap<Flow, BTreeSet<_>> = BTreeMap::new();
        let mut second = first.clone();
        for (flow, lines) in watcher {
            first.entry(*flow).or_default().insert(lines[0].sizes());
            second.entry(*flow).or_default().insert(lines[1].sizes());
        }
        assert_eq!(first.len(), FLOWS.len());
        println!("{:?}, {:?}", one_size(&first), one_size(&second));
        one_size(&first).unwrap();
        one_size(&second).unwrap();
    }
    for (flow, name, distance, noticed) in distances(&seen, &FLOWS, LEVEL) {
        assert!(distance < noticed, "{flow:?} is told by its {name}");
    }
}

/// Unblinding, building and writing take a phone some milliseconds: without the gap, they would show.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_keeps_no_gap_would_be_noticed() {
    const TWO: [Flow; 2] = [Flow::Decoy, Flow::Upload];
    let seen = watch_all(0, &TWO, MORE_ROUNDS).await;
    let told = distances(&seen, &TWO, NOTICED_LEVEL).into_iter();
    let told =
        told.filter(|(_, name, distance, noticed)| *name == "before_upload" && distance > noticed);
    assert_eq!(told.count(), 1);
}
