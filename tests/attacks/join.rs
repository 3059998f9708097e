//! Joining codes and uploads: with the whole database of 1,000 cases in hand, by every value, order, count and place in the
//! file, nobody does better than chance.
//!
//! What both sides say by design is given to the attacker: the region, the day from which keys may be uploaded, and the
//! window (a code's hour of redemption tells it). Chance is what is left within that. Where few share it, that alone says
//! whose a key is; how many do is printed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rand::{RngExt as _, rngs::StdRng, seq::SliceRandom as _};
use rusqlite::Connection;
use truyvet_crypto::{DisclosedKey, SlotSet, token::ReportType};
use truyvet_proto::v1::RedeemRequest;
use truyvet_server::{
    authorize::{self, CodeOrder, IssuedCode, RedeemAnswer, Source},
    officers, upload,
};
use truyvet_tests::{
    raw::RawPhone,
    world::{NOON, World, rng},
};

use crate::stats::permutation_p;

const WINDOWS: usize = 3;
const HOURS: usize = 4;
/// 1,008 cases in all.
const A_BUSY_HOUR: usize = 84;
/// 60 in all: so few that a table is a page or two.
const A_QUIET_HOUR: usize = 5;

/// Within a page, SQLite puts what is new below what is there: places tell the order of arrival, until the page is written
/// anew.
const PAGE_BYTES: f64 = 4_096.0;

/// |z| that chance passes once in 150,000 tries; there are some hundred here.
const TOO_GOOD: f64 = 4.5;

/// What only the phones know: which slip, token and keys are one person's.
struct Case {
    serial: String,
    spend_id: Vec<u8>,
    secrets: Vec<Vec<u8>>,
}

/// A row of the database as an attacker sees it: numbers to compare, by name.
type Features = Vec<(&'static str, f64)>;

/// Everything an attacker has.
struct Seized {
    /// By serial.
    codes: HashMap<String, Features>,
    /// What a code and the keys of its case share by design.
    given: HashMap<String, (String, i64, i64)>,
    /// By spend id.
    tokens: HashMap<Vec<u8>, Features>,
    /// By secret; the second is region and window.
    keys: HashMap<Vec<u8>, (Features, (String, i64))>,
}

#[tokio::test]
async fn a_thousand_cases_cannot_be_joined() {
    nobody_is_joined(A_BUSY_HOUR).await;
}

#[tokio::test]
async fn sixty_cases_cannot_be_joined() {
    nobody_is_joined(A_QUIET_HOUR).await;
}

async fn nobody_is_joined(cases_an_hour: usize) {
    let (world, cases) = make_cases(cases_an_hour).await;
    let seized = seize(&world, &cases);
    assert_eq!(seized.codes.len(), cases.len());
    assert_eq!(seized.tokens.len(), cases.len());

    // Codes with spent tokens: one group, since a token has no window.
    let pairs: Vec<_> = cases
        .iter()
        .map(|case| {
            let token = &seized.tokens[&case.spend_id];
            ((), &seized.codes[&case.serial], token)
        })
        .collect();
    let mut worst = correlate("token", &pairs);
    match_by_rank(&pairs);

    // Codes with keys, among those that share all that is given.
    let mut pairs = Vec::new();
    for case in &cases {
        for secret in &case.secrets {
            let (key, _) = &seized.keys[secret];
            pairs.push((
                &seized.given[&case.serial],
                &seized.codes[&case.serial],
                key,
            ));
        }
    }
    assert!(pairs.len() > 5 * cases.len());
    worst = worst.max(correlate("key", &pairs));
    println!("largest |z| of all: {worst:.2}, {TOO_GOOD} would be too good");

    same_upload(&seized, &cases);

    // Not an attack but what is said by design: with how many others a case shares it.
    let mut groups: BTreeMap<_, usize> = BTreeMap::new();
    for case in &cases {
        *groups.entry(&seized.given[&case.serial]).or_default() += 1;
    }
    let mut sizes: Vec<usize> = groups.into_values().collect();
    sizes.sort_unstable();
    println!(
        "cases that share region, window and first day: {} to {}, half of the groups at least {}",
        sizes[0],
        sizes[sizes.len() - 1],
        sizes[sizes.len() / 2]
    );
}

/// Keys of one upload stand no nearer to each other, in the file or by value, than keys of different ones.
fn same_upload(seized: &Seized, cases: &[Case]) {
    let mut by_window: BTreeMap<&(String, i64), Vec<(&Features, usize)>> = BTreeMap::new();
    for (number, case) in cases.iter().enumerate() {
        for secret in &case.secrets {
            let (features, window) = &seized.keys[secret];
            by_window
                .entry(window)
                .or_default()
                .push((features, number));
        }
    }
    let mut rng = rng(12);
    for feature in ["place in the file", "place in its page", "secret", "slots"] {
        let mut owners = Vec::new();
        for keys in by_window.values_mut() {
            keys.shuffle(&mut rng);
            keys.sort_by(|a, b| value(a.0, feature).total_cmp(&value(b.0, feature)));
            owners.push(keys.iter().map(|(_, owner)| *owner).collect::<Vec<_>>());
        }
        // Neighbours of one person, over all windows.
        let (mut neighbours, mut expected) = (0.0, 0.0);
        for owners in &owners {
            let count = |owners: &[usize]| {
                let pairs = owners.windows(2).filter(|pair| pair[0] == pair[1]);
                pairs.count() as f64
            };
            neighbours += count(owners);
            let mut shuffled = owners.clone();
            let rounds = 50;
            for _ in 0..rounds {
                shuffled.shuffle(&mut rng);
                expected += count(&shuffled) / f64::from(rounds);
            }
        }
        // Rare and independent: Poisson.
        let z = (neighbours - expected) / expected.max(1.0).sqrt();
        println!("neighbours by {feature}: {neighbours}, chance {expected:.1}, z = {z:.2}");
        assert!(z < TOO_GOOD, "{feature} tells which keys came together");
    }
}

fn value(features: &Features, name: &str) -> f64 {
    let found = features.iter().find(|(feature, _)| *feature == name);
    found.map(|(_, value)| *value).unwrap()
}

/// Correlates every number of a code with every number of what it is to be joined with, by rank within groups. Returns the
/// largest |z|.
fn correlate<G: Ord>(what: &str, pairs: &[(G, &Features, &Features)]) -> f64 {
    let mut groups: BTreeMap<&G, Vec<(&Features, &Features)>> = BTreeMap::new();
    for (group, code, other) in pairs {
        groups.entry(group).or_default().push((code, other));
    }
    let mut worst: f64 = 0.0;
    for (of_code, _) in pairs[0].1 {
        for (of_other, _) in pairs[0].2 {
            let (mut covariance, mut variance) = (0.0, 0.0);
            for group in groups.values().filter(|group| group.len() > 1) {
                let a = ranks(group.iter().map(|pair| value(pair.0, of_code)));
                let b = ranks(group.iter().map(|pair| value(pair.1, of_other)));
                covariance += a.iter().zip(&b).map(|(a, b)| a * b).sum::<f64>();
                let square = |ranks: &[f64]| ranks.iter().map(|r| r * r).sum::<f64>();
                variance += square(&a) * square(&b) / (group.len() - 1) as f64;
            }
            if variance == 0.0 {
                continue;
            }
            let z = covariance / variance.sqrt();
            if z.abs() > 2.0 {
                println!("{what}: {of_code} with {of_other}: z = {z:.2}");
            }
            assert!(
                z.abs() < TOO_GOOD,
                "{of_code} of a code tells the {of_other} of its {what}"
            );
            worst = worst.max(z.abs());
        }
    }
    worst
}

/// Ranks, about zero; ties share theirs.
fn ranks(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let values: Vec<f64> = values.collect();
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = (values.len() as f64 - 1.0) / 2.0;
    let rank = |value: f64| {
        let below = sorted.partition_point(|other| *other < value);
        let through = sorted.partition_point(|other| *other <= value);
        (below + through - 1) as f64 / 2.0 - middle
    };
    values.into_iter().map(rank).collect()
}

/// Puts both sides into the order of each of their numbers and joins first with first: how many are right, against
/// shuffled answers.
fn match_by_rank<G>(pairs: &[(G, &Features, &Features)]) {
    let order = |numbers: Vec<f64>| {
        let mut order: Vec<usize> = (0..numbers.len()).collect();
        order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
        order
    };
    let (mut most, mut rng) = (0.0_f64, rng(13));
    for (of_code, _) in pairs[0].1 {
        let codes = order(pairs.iter().map(|pair| value(pair.1, of_code)).collect());
        for (of_token, _) in pairs[0].2 {
            let tokens = order(pairs.iter().map(|pair| value(pair.2, of_token)).collect());
            let right = |tokens: &[usize]| {
                let both = codes.iter().zip(tokens);
                both.filter(|(code, token)| code == token).count() as f64
            };
            let p = permutation_p(&tokens, right, 300, &mut rng);
            most = most.max(right(&tokens));
            // One is right by chance; eight are in one try of 100,000.
            assert!(
                p > 0.004 || right(&tokens) < 8.0,
                "{} tokens found by {of_code} and {of_token}",
                right(&tokens)
            );
        }
    }
    println!(
        "joined rank by rank: at most {most} of {} right",
        pairs.len()
    );
}

/// People of two regions get codes, redeem them within hours and upload, in three windows.
async fn make_cases(cases_an_hour: usize) -> (World, Vec<Case>) {
    let world = World::with(|settings| {
        settings.officer_codes_per_day = 10_000;
        settings.unit_codes_per_day = 10_000;
        settings.regions = vec!["VN".parse().unwrap(), "VN-48".parse().unwrap()];
    })
    .await;
    let mut rng = rng(11);
    let mut phone = world.raw_phone(11).await;
    let mut cases = Vec::new();
    for _ in 0..WINDOWS {
        let mut codes = issue(&world, HOURS * cases_an_hour, &mut rng).await;
        // People come to it when they come to it.
        codes.shuffle(&mut rng);
        for (number, code) in codes.into_iter().enumerate() {
            cases.push(disclose(&world, &mut phone, code, &mut rng).await);
            if (number + 1) % cases_an_hour == 0 {
                world.clock.advance(3_600);
            }
        }
        for region in ["VN", "VN-48"] {
            let region = region.parse().unwrap();
            let context = world.server.context();
            truyvet_server::publish::publish(context, region)
                .await
                .unwrap();
        }
    }
    (world, cases)
}

async fn issue(world: &World, count: usize, rng: &mut StdRng) -> Vec<IssuedCode> {
    let context = world.server.context();
    let officer = officers::identify(context, &world.officer).await;
    let officer = officer.unwrap().unwrap();
    let orders: Vec<CodeOrder> = (0..count)
        .map(|_| CodeOrder {
            report_type: ReportType::ALL[rng.random_range(0..3)],
            onset_day: world.today().minus_days(rng.random_range(2..10)),
            region: Some(context.settings.regions[rng.random_range(0..2)]),
        })
        .collect();
    let issued = authorize::issue(context, &officer, &orders).await;
    issued.unwrap()
}

/// One case, from code to upload: every day that the token covers, some hours left out.
async fn disclose(world: &World, phone: &mut RawPhone, code: IssuedCode, rng: &mut StdRng) -> Case {
    let context = world.server.context();
    let blinding = phone.blinding();
    let element = blinding.element().to_vec();
    let request = RedeemRequest::new(code.upload_code.to_string(), element);
    let source = Source::of(std::net::Ipv4Addr::LOCALHOST.into());
    let redeemed = authorize::redeem(context, &source, request).await;
    let Ok(RedeemAnswer::Token(redeemed)) = redeemed else {
        panic!("{redeemed:?}");
    };
    let public_key = phone.config.token_public_key.as_slice().try_into();
    let (metadata, evaluation) = (redeemed.metadata, &redeemed.evaluation);
    let token = blinding
        .finish(
            &evaluation.element,
            &evaluation.proof,
            metadata,
            public_key.unwrap(),
        )
        .unwrap();
    let keys: Vec<DisclosedKey> = (metadata.first_day.number()..world.today().number())
        .map(|day| {
            let whole = phone.key(truyvet_crypto::Day::from_number(day));
            let mut slots = SlotSet::empty(whole.scheme());
            let (from, length) = (rng.random_range(0..60), rng.random_range(10..36));
            (from..from + length).for_each(|slot| slots.insert(slot));
            DisclosedKey::disclose(whole.scheme(), whole.day(), whole.secret(), slots).unwrap()
        })
        .collect();
    let mut request = phone.request(&token, &keys);
    request.region = redeemed.region.to_string();
    upload::accept(context, phone.padded(request))
        .await
        .unwrap();
    Case {
        serial: code.serial,
        spend_id: token.spend_id().to_vec(),
        secrets: keys.iter().map(|key| key.secret().to_vec()).collect(),
    }
}

/// Reads the database as whoever took the disk would: tables, and where in the file each row lies.
fn seize(world: &World, cases: &[Case]) -> Seized {
    let database = Connection::open(world.database()).unwrap();
    let wal = format!("{}-wal", world.database().display());
    // Publishing emptied the log. What is in it since then is the database's first page, on which a look at readiness
    // writes, and the one page of the lease, which is given back after a publication; no other row is there.
    let lease = "SELECT rootpage FROM sqlite_schema WHERE name = 'lease'";
    let lease: u32 = database.query_row(lease, [], |row| row.get(0)).unwrap();
    let wal = std::fs::read(wal).unwrap_or_default();
    let frames = wal.get(32..).unwrap_or_default().chunks(24 + 4_096);
    for frame in frames {
        let page = u32::from_be_bytes(frame[..4].try_into().unwrap());
        assert!([1, lease].contains(&page), "page {page} is in the log");
    }
    let file = std::fs::read(world.database()).unwrap();
    let column = |sql: &str| -> Vec<Vec<u8>> {
        let mut statement = database.prepare(sql).unwrap();
        let values = statement.query_map([], |row| row.get(0)).unwrap();
        values.collect::<Result<_, _>>().unwrap()
    };
    let blinded = column("SELECT blinded_digest FROM upload_code");
    let proofs = column("SELECT proof FROM disclosed_key");
    let wanted: BTreeSet<Vec<u8>> = cases
        .iter()
        .flat_map(|case| case.secrets.iter().chain([&case.spend_id]).cloned())
        .chain(blinded)
        .chain(proofs)
        .collect();
    let places = places(&file, &wanted);
    let mut seized = Seized {
        codes: HashMap::new(),
        given: HashMap::new(),
        tokens: HashMap::new(),
        keys: HashMap::new(),
    };
    let mut statement = database
        .prepare(
            "SELECT serial, code_hash, blinded_digest, issued_at, redeemed_at, expires_at, first_day, report_type, region
             FROM upload_code ORDER BY code_hash",
        )
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let serial: String = row.get(0).unwrap();
        let (hash, blinded): (Vec<u8>, Vec<u8>) = (row.get(1).unwrap(), row.get(2).unwrap());
        let number = |column| row.get::<_, i64>(column).unwrap();
        let features = vec![
            ("hash", leading(&hash)),
            ("serial", serial.replace('-', "").parse().unwrap()),
            ("blinded digest", leading(&blinded)),
            ("hour of issue", number(3) as f64),
            ("hour of redemption", number(4) as f64),
            ("report type", number(7) as f64),
            ("place in the file", places[&blinded][0]),
            ("place in its page", places[&blinded][0] % PAGE_BYTES),
        ];
        // The windows close every four hours, the first of them four hours after the world began.
        let began = NOON - NOON % 3_600;
        let window = (number(4) - began) / (3_600 * HOURS as i64);
        let given = (row.get(8).unwrap(), number(6), window);
        seized.codes.insert(serial.clone(), features);
        seized.given.insert(serial, given);
    }
    let mut statement = database
        .prepare("SELECT spend_id, request_digest FROM spent_token")
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut order = 0.0;
    while let Some(row) = rows.next().unwrap() {
        let (id, digest): (Vec<u8>, Vec<u8>) = (row.get(0).unwrap(), row.get(1).unwrap());
        let features = vec![
            ("order of rows", order),
            ("spend id", leading(&id)),
            ("request digest", leading(&digest)),
            ("place in the file", places[&id][0]),
            ("place in its page", places[&id][0] % PAGE_BYTES),
        ];
        order += 1.0;
        seized.tokens.insert(id, features);
    }
    let mut statement = database
        .prepare("SELECT secret, region, proof, accepted_window, slots FROM disclosed_key")
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    let mut order = 0.0;
    while let Some(row) = rows.next().unwrap() {
        let secret: Vec<u8> = row.get(0).unwrap();
        let proof: Vec<u8> = row.get(2).unwrap();
        let slots: Vec<u8> = row.get(4).unwrap();
        let count: u32 = slots.iter().map(|byte| byte.count_ones()).sum();
        let first = slots.iter().position(|byte| *byte != 0).unwrap();
        let features = vec![
            ("order of rows", order),
            ("secret", leading(&secret)),
            ("proof", leading(&proof)),
            ("slots", f64::from(count)),
            ("first slot", first as f64),
            ("place in the file", places[&secret][0]),
            ("place in its page", places[&secret][0] % PAGE_BYTES),
        ];
        order += 1.0;
        let window = (row.get(1).unwrap(), row.get(3).unwrap());
        seized.keys.insert(secret, (features, window));
    }
    seized
}

/// The first bytes as a number.
fn leading(bytes: &[u8]) -> f64 {
    let first: [u8; 8] = bytes[..8].try_into().unwrap();
    u64::from_be_bytes(first) as f64
}

/// Where in the file each of these values lies, first place first.
fn places(file: &[u8], wanted: &BTreeSet<Vec<u8>>) -> HashMap<Vec<u8>, Vec<f64>> {
    let mut places: HashMap<_, Vec<f64>> = HashMap::new();
    for (place, window) in file.windows(32).enumerate() {
        if wanted.contains(window) {
            places
                .entry(window.to_vec())
                .or_default()
                .push(place as f64);
        }
    }
    assert_eq!(places.len(), wanted.len());
    // Once in the table: there is no index. A page that was split leaves a copy in its gap now and then; so few say nothing
    // of an order.
    let left = places.values().filter(|places| places.len() != 1);
    let left = left.count();
    println!("left behind in gaps: {left} of {} values", places.len());
    assert!(left * 100 <= places.len());
    places
}
