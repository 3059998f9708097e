//! Killed at random moments under load: phones upload, windows are published, and at any time the process is gone.
//!
//! A hundred kills; `TRUYVET_TEST_KILLS=1000` makes it a thousand. It prints what it counted (`--nocapture`).

use std::{
    env,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rand::{RngExt as _, rngs::StdRng};
use tokio::task::JoinSet;
use truyvet_crypto::{DisclosedKey, SlotSet, Tag, Timestamp, token::ReportType};
use truyvet_proto::v1::{
    CodeOrder, IssueCodesRequest, UploadRequest, officer_service_client::OfficerServiceClient,
};
use truyvet_tests::{
    raw::{RawPhone, tags},
    world::{NOON, bearer, channel, rng},
};

use crate::country::{Country, published};

const PHONES: u64 = 6;

/// Codes that a phone is given for one life of the server: more than it can use.
const CODES: usize = 60;

/// Longest life of a server, once its phones are connected.
const LIFE: Duration = Duration::from_millis(400);

/// An upload of one slot, so that one tag stands for it.
struct Sent {
    request: UploadRequest,
    tag: Tag,
    acknowledged: bool,
}

type AllSent = Arc<Mutex<Vec<Sent>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_under_load() {
    let kills = match env::var("TRUYVET_TEST_KILLS") {
        Ok(kills) => kills.parse().expect("TRUYVET_TEST_KILLS: a number"),
        Err(_) => 100,
    };
    let began = Instant::now();
    let mut country = Country::new().await;
    let mut rng = rng(rand::random());
    let sent = AllSent::default();
    for _ in 0..kills {
        life(&mut country, &mut rng, &sent).await;
    }
    let before_the_last_start = acknowledged(&sent);

    let server = country.start(None).await;
    let mut phone = RawPhone::connect(&format!("http://{}", server.public), 1).await;
    say_again(&mut phone, &sent).await;
    country.publish(server.staff).await.unwrap();
    // Said again when it is published already: it does not come a second time.
    let last = sent.lock().unwrap().last().unwrap().request.clone();
    phone.upload(last).await.unwrap();
    country.publish(server.staff).await.unwrap();
    let tags: Vec<Tag> = sent.lock().unwrap().iter().map(|sent| sent.tag).collect();
    let mut times = vec![0; tags.len()];
    let batches = published(&server, country.folder.path()).await;
    for batch in &batches {
        for &found in batch.matches(&tags).indices() {
            times[found] += 1;
        }
    }
    let wrong = times.iter().filter(|times| **times != 1).count();
    println!(
        "{kills} kills in {:.0} s: {} uploads sent, {before_the_last_start} acknowledged before the last start, {} files verified",
        began.elapsed().as_secs_f64(),
        tags.len(),
        batches.len(),
    );
    assert_eq!(wrong, 0, "lost, or published twice");
    // It was under load: most lives took uploads in.
    assert!(before_the_last_start >= kills, "{before_the_last_start}");
}

/// From a start to a kill.
async fn life(country: &mut Country, rng: &mut StdRng, sent: &AllSent) {
    let server = country.start(None).await;
    let url = format!("http://{}", server.public);
    let mut phones = Vec::new();
    for _ in 0..PHONES {
        phones.push((
            RawPhone::connect(&url, rand::random()).await,
            codes(country, server.staff).await,
        ));
    }
    // What was cut short the last time is said again by the first of them.
    let life = LIFE.mul_f64(rng.random_range(0.0..1.0));
    let mut load = JoinSet::new();
    for (i, (mut phone, codes)) in phones.into_iter().enumerate() {
        let sent = Arc::clone(sent);
        load.spawn(async move {
            if i == 0 {
                say_again(&mut phone, &sent).await;
            }
            upload(&mut phone, codes, &sent).await;
        });
    }
    let publishing = async {
        while country.publish(server.staff).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = tokio::time::sleep(life) => {}
        () = publishing => {}
    }
    server.kill().await;
    // Each ends with the first call that fails.
    while let Some(ended) = load.join_next().await {
        ended.unwrap();
    }
}

async fn codes(country: &Country, staff: SocketAddr) -> Vec<String> {
    let order = CodeOrder {
        report_type: ReportType::ConfirmedTest.byte().into(),
        onset_day: Timestamp::from_unix_seconds(NOON).unwrap().day().number() - 5,
        region: String::new(),
    };
    let mut officers = OfficerServiceClient::new(channel(&format!("http://{staff}")).await);
    let request = IssueCodesRequest {
        orders: vec![order; CODES],
    };
    let answer = officers
        .issue_codes(bearer(&country.officer, request))
        .await;
    let codes = answer.unwrap().into_inner().codes;
    codes.into_iter().map(|code| code.upload_code).collect()
}

/// Redeems and uploads until there is no answer any more.
async fn upload(phone: &mut RawPhone, codes: Vec<String>, all: &AllSent) {
    let day = Timestamp::from_unix_seconds(NOON).unwrap().day();
    for code in codes {
        let Ok(token) = phone.redeem(&code).await else {
            return;
        };
        let whole = phone.key(day.minus_days(3));
        let mut slots = SlotSet::empty(whole.scheme());
        slots.insert(40);
        let key =
            DisclosedKey::disclose(whole.scheme(), whole.day(), whole.secret(), slots).unwrap();
        let request = phone.request(&token, std::slice::from_ref(&key));
        let number = {
            let mut all = all.lock().unwrap();
            all.push(Sent {
                request: request.clone(),
                tag: tags(&[key])[0],
                acknowledged: false,
            });
            all.len() - 1
        };
        if phone.upload(request).await.is_err() {
            return;
        }
        all.lock().unwrap()[number].acknowledged = true;
    }
}

/// Sends again what had no answer.
async fn say_again(phone: &mut RawPhone, all: &AllSent) {
    let open: Vec<(usize, UploadRequest)> = {
        let all = all.lock().unwrap();
        all.iter()
            .enumerate()
            .filter(|(_, sent)| !sent.acknowledged)
            .map(|(i, sent)| (i, sent.request.clone()))
            .collect()
    };
    for (number, request) in open {
        if phone.upload(request).await.is_err() {
            return;
        }
        all.lock().unwrap()[number].acknowledged = true;
    }
}

fn acknowledged(all: &AllSent) -> usize {
    let all = all.lock().unwrap();
    all.iter().filter(|sent| sent.acknowledged).count()
}
