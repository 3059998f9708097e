//! Guessing codes: from one address, from many, with invented headers; and who is served meanwhile.

use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use truyvet_crypto::UploadCode;
use truyvet_proto::v1::{ListAlertsRequest, RedeemRequest, alert};
use truyvet_tests::{
    raw::RawPhone,
    world::{World, bearer, refusal, rng},
};

/// A world behind a proxy of its own on this machine, so that a test can call from anywhere.
async fn behind_a_proxy(wrong_guesses_per_hour: u32) -> World {
    World::with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.wrong_guesses_per_hour = wrong_guesses_per_hour;
    })
    .await
}

/// Presents a code, as forwarded for `client`.
async fn redeem(phone: &mut RawPhone, code: &str, client: &str) -> Result<(), Status> {
    let element = phone.blinding().element().to_vec();
    let mut request = Request::new(RedeemRequest::new(code.to_owned(), element));
    if !client.is_empty() {
        let headers = request.metadata_mut();
        headers.insert("x-forwarded-for", client.parse().unwrap());
    }
    phone.send_redeem(request).await.map(drop)
}

/// Well-formed codes that nobody issued.
fn guesses(seed: u64) -> impl Iterator<Item = String> {
    let mut rng = rng(seed);
    std::iter::repeat_with(move || UploadCode::generate(&mut rng).grouped().to_string())
}

/// What a wrong guess gets while the brake lets it through, and what it gets when not.
fn is_refused(answer: &Result<(), Status>) -> bool {
    matches!(answer, Err(status) if refusal(status).1 == "CODE_REFUSED")
}

fn is_braked(answer: &Result<(), Status>) -> bool {
    let Err(status) = answer else {
        return false;
    };
    let braked = (status.code(), refusal(status).1.as_str())
        == (Code::ResourceExhausted, "TOO_MANY_WRONG_CODES");
    let details = status.get_error_details();
    let retry = details.retry_info().and_then(|info| info.retry_delay);
    assert_eq!(braked, retry.is_some());
    braked
}

#[tokio::test]
async fn one_address_has_ten_guesses_an_hour_then_not_even_good_codes() {
    let world = behind_a_proxy(1_000).await;
    let mut phone = world.raw_phone(1).await;
    let (good, other) = (world.code().await, world.code().await);
    for guess in guesses(1).take(10) {
        assert!(is_refused(&redeem(&mut phone, &guess, "203.0.113.1").await));
    }
    // No oracle: a right guess gets the same answer as a wrong one, to the byte.
    let [wrong, right] = [&guesses(2).next().unwrap(), &good];
    let mut answers = Vec::new();
    for code in [wrong, right] {
        let answer = redeem(&mut phone, code, "203.0.113.1").await;
        assert!(is_braked(&answer));
        let status = answer.unwrap_err();
        answers.push((status.message().to_owned(), status.details().to_vec()));
    }
    assert_eq!(answers[0], answers[1]);
    // A neighbour is not held, nor is the code spent; in the next hour all is forgotten.
    redeem(&mut phone, &good, "203.0.113.2").await.unwrap();
    world.clock.advance(3_600);
    redeem(&mut phone, &other, "203.0.113.1").await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_a_code_does_not_count() {
    let world = behind_a_proxy(1_000).await;
    let mut phone = world.raw_phone(1).await;
    for _ in 0..50 {
        let answer = redeem(&mut phone, "2222-222-2223", "203.0.113.1").await;
        assert_eq!(refusal(&answer.unwrap_err()).1, "CODE_MALFORMED");
    }
    let state = world.server.context().brake.state(world.now());
    assert_eq!(state.wrong_guesses, 0);
    let code = world.code().await;
    redeem(&mut phone, &code, "203.0.113.1").await.unwrap();
}

#[tokio::test]
async fn a_botnet_is_braked_and_honest_phones_pass() {
    let world = behind_a_proxy(200).await;
    let mut phone = world.raw_phone(1).await;
    let mut guesses = guesses(3);
    let mut looked_at = 0;
    // 100 bots, 20 guesses each.
    for _ in 0..20 {
        for bot in 0..100 {
            let client = format!("198.51.{bot}.7");
            let answer = redeem(&mut phone, &guesses.next().unwrap(), &client).await;
            assert!(is_refused(&answer) || is_braked(&answer));
            looked_at += u32::from(is_refused(&answer));
        }
    }
    assert_eq!(looked_at, 200, "the budget, and no more of them");
    let brake = world.server.context().brake.state(world.now());
    assert!(brake.braking());
    // New bots: one guess each.
    for bot in 0..20 {
        let client = format!("192.0.2.{bot}");
        let first = redeem(&mut phone, &guesses.next().unwrap(), &client).await;
        assert!(is_refused(&first));
        assert!(is_braked(
            &redeem(&mut phone, &guesses.next().unwrap(), &client).await
        ));
    }
    // Honest phones, all with good codes, many of them behind one address.
    for client in ["203.0.113.1", "203.0.113.1", "203.0.113.1", "2001:db8::1"] {
        let code = world.code().await;
        redeem(&mut phone, &code, client).await.unwrap();
    }
    let seen = async |credential: &str| {
        let request = bearer(credential, ListAlertsRequest {});
        let answer = world.officers().await.list_alerts(request).await;
        answer.unwrap().into_inner().alerts
    };
    let told = seen(&world.administrator).await;
    assert!(
        matches!(&told[..], [alert] if matches!(&alert.what, Some(alert::What::WrongGuesses(_))))
    );
    assert_eq!(seen(&world.officer).await, []);
    world.clock.advance(3_600);
    assert_eq!(seen(&world.administrator).await, []);
}

/// Without a proxy of our own the header is worth nothing, with one only what that proxy wrote.
#[tokio::test]
async fn an_invented_header_is_no_new_address() {
    for trusted in [false, true] {
        let world = match trusted {
            false => World::new().await,
            true => behind_a_proxy(1_000).await,
        };
        let mut phone = world.raw_phone(1).await;
        let mut looked_at = 0;
        for (number, guess) in guesses(4).take(40).enumerate() {
            // Our proxy appends whom it heard; what stands before that is the attacker's.
            let invented = format!("10.{number}.0.1, 2001:db8:{number}::1");
            let client = match trusted {
                false => invented,
                true => format!("{invented}, 203.0.113.1"),
            };
            let answer = redeem(&mut phone, &guess, &client).await;
            looked_at += u32::from(is_refused(&answer));
        }
        assert_eq!(looked_at, 10);
    }
}

/// Sixty-four at once from one address do not outnumber its ten.
#[tokio::test]
async fn guesses_at_the_same_time_count_together() {
    let world = behind_a_proxy(1_000).await;
    let mut tries = Vec::new();
    for (number, guess) in guesses(5).take(64).enumerate() {
        let mut phone = world.raw_phone(number as u64).await;
        tries.push(tokio::spawn(async move {
            is_refused(&redeem(&mut phone, &guess, "203.0.113.1").await)
        }));
    }
    let mut looked_at = 0;
    for one in tries {
        looked_at += u32::from(one.await.unwrap());
    }
    assert!(looked_at <= 10, "{looked_at}");
    let state = world.server.context().brake.state(world.now());
    assert_eq!(state.wrong_guesses, u64::from(looked_at));
}
