//! No secret is in a log or a metric: everything that a journey logged, at the finest level, as text and as JSON, and what
//! `/metrics` says after it, is searched for every secret that it used, in each way that bytes get printed. Traces have a
//! test of their own (`traces.rs`).

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use data_encoding::{BASE64, HEXLOWER};
use tonic::Request;
use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};
use truyvet_crypto::Receipt;
use truyvet_proto::v1::{ImportCodesRequest, RedeemRequest, UploadRequest};
use truyvet_server::{
    officers::{self, FirstAccess, Role},
    self_check, sign_in,
};
use truyvet_tests::world::{World, bearer};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The ways bytes look in a log: hex in both cases, base64, a list of numbers, as they are.
fn looks(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = HEXLOWER.encode(secret);
    let list = format!("{secret:?}");
    vec![
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        BASE64
            .encode(secret)
            .trim_end_matches('=')
            .as_bytes()
            .to_vec(),
        list.trim_matches(['[', ']']).as_bytes().to_vec(),
        secret.to_vec(),
    ]
}

#[tokio::test]
async fn no_secret_is_in_a_log() {
    let (captured, captured_json) = (Captured::default(), Captured::default());
    let (writer, json_writer) = (captured.clone(), captured_json.clone());
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let json_lines = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(move || json_writer.clone());
    tracing_subscriber::registry()
        .with(truyvet_server::settings::log_filter("trace").unwrap())
        .with(lines)
        .with(json_lines)
        .init();

    let world = World::with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.wrong_guesses_per_hour = 3;
        settings.officer_codes_per_day = 3;
        settings.self_check_every_minutes = Some(1_440);
    })
    .await;
    let mut phone = world.raw_phone(1).await;
    let code = world.code().await;
    let blinding = phone.blinding();
    let token = phone.redeem_with(&code, &blinding).await.unwrap();
    let keys = [phone.key(world.today().minus_days(1))];
    let request = phone.request(&token, &keys);
    // As it should be, and as hostile as it gets: refusals are logged too, if at all.
    phone.upload(request.clone()).await.unwrap();
    let spoilt: [fn(&mut UploadRequest); 4] = [
        |r| r.keys[0].day = 0,
        |r| r.keys[0].slots.push(0),
        |r| r.region = "XX".into(),
        |r| r.token.as_mut().unwrap().output[0] ^= 1,
    ];
    for spoil in spoilt {
        let mut spoilt = request.clone();
        spoil(&mut spoilt);
        let spoilt = phone.padded(spoilt);
        phone.upload(spoilt).await.unwrap_err();
    }
    phone.redeem(&code).await.unwrap_err();
    // Guesses, from everywhere and beyond what is let through; a list with a name in it.
    for client in [
        "203.0.113.77",
        "203.0.113.78",
        "2001:db8:77::1",
        "203.0.113.77",
    ] {
        let element = phone.blinding().element().to_vec();
        let mut guess = Request::new(RedeemRequest::new(code.clone(), element));
        let headers = guess.metadata_mut();
        headers.insert("x-forwarded-for", client.parse().unwrap());
        phone.send_redeem(guess).await.unwrap_err();
    }
    for csv in [
        "report_type,onset_day,NguyenVanAn\nx,y,z",
        "report_type,onset_day\nNguyenVanAn,1",
    ] {
        let csv = csv.as_bytes().to_vec();
        let request = bearer(&world.officer, ImportCodesRequest { csv });
        // The second is read, and its one line is bad.
        drop(world.officers().await.import_codes(request).await);
    }
    // The brake forgets.
    world.clock.advance(3_600);
    let wrong = bearer("tvo_not-a-credential-but-kept-secret", Default::default());
    world.officers().await.get_code(wrong).await.unwrap_err();
    world.publish().await;
    let mut signing_in = sign_in(&world).await;
    let withdrawal = world.withdrawal_code().await;
    let taking_back = phone.redeem(&withdrawal).await.unwrap();
    let receipt = Receipt::of(&keys[0]);
    let request = phone.withdrawal(&taking_back, std::slice::from_ref(&receipt));
    phone.upload(request).await.unwrap();
    world.clock.advance(60);
    world.publish().await;
    // A store that cannot: errors are where secrets slip out.
    rusqlite::Connection::open(world.database())
        .unwrap()
        .execute_batch("ALTER TABLE spent_token RENAME TO elsewhere")
        .unwrap();
    let other = phone.redeem(&world.code().await).await.unwrap();
    let request = phone.request(&other, &keys);
    let status = phone.upload(request).await.unwrap_err();
    assert_eq!(status.message(), "internal error");
    let public = world.server.public_addr();
    let failed = self_check::check(world.server.context(), public).await;
    let failed = failed.unwrap_err().to_string();
    let url = format!("http://{}/metrics", world.server.ops_addr());
    let metrics = reqwest::get(url).await.unwrap().bytes().await.unwrap();
    assert!(metrics.len() > 1_000, "the metrics were captured");
    world.server.stop().await;

    let mut log = captured.0.lock().unwrap().clone();
    for line in captured_json.0.lock().unwrap().split(|byte| *byte == b'\n') {
        let object = serde_json::from_slice::<serde_json::Value>(line);
        assert!(line.is_empty() || object.is_ok_and(|object| object.is_object()));
    }
    log.extend_from_slice(&captured_json.0.lock().unwrap());
    log.extend_from_slice(failed.as_bytes());
    log.extend_from_slice(&metrics);
    let contains = |needle: &[u8]| log.windows(needle.len()).any(|window| window == needle);
    assert!(contains(b"published batch"), "the log was captured");
    assert!(contains(b"\"batch.tags\":4096"), "and as JSON");
    assert!(contains(b"internal error"), "errors are in it");
    assert!(contains(b"too many wrong upload codes"), "and the brake");
    assert!(contains(b"quota of codes"), "and the quota");
    let mut secrets: Vec<(&str, Vec<u8>)> = vec![
        ("code", code.clone().into_bytes()),
        ("code without hyphens", code.replace('-', "").into_bytes()),
        (
            "administrator's credential",
            world.administrator.clone().into_bytes(),
        ),
        ("officer's credential", world.officer.clone().into_bytes()),
        ("wrong credential", b"kept-secret".to_vec()),
        ("nonce", token.nonce.to_vec()),
        ("token", token.output.to_vec()),
        ("blinded element", blinding.element().to_vec()),
        ("disclosed key", keys[0].secret().to_vec()),
        ("withdrawal code", withdrawal.into_bytes()),
        ("withdrawal token", taking_back.output.to_vec()),
        ("receipt", receipt.proof().to_vec()),
        ("address", b"203.0.113".to_vec()),
        ("address", b"2001:db8".to_vec()),
        ("cell of a list", b"NguyenVanAn".to_vec()),
    ];
    secrets.append(&mut signing_in);
    for (_, tag) in keys[0].tags() {
        secrets.push(("tag", tag.as_bytes().to_vec()));
    }
    for (name, secret) in secrets {
        for look in looks(&secret) {
            assert!(!contains(&look), "{name} is in the log");
        }
    }
    assert!(
        !contains(b"127.0.0.1:") || only_own_addresses(&log),
        "an address is in the log"
    );
}

/// Accepts an invitation and signs in, rightly and wrongly; gives everything that nobody else may know.
async fn sign_in(world: &World) -> Vec<(&'static str, Vec<u8>)> {
    const PASSWORD: &str = "mèo nằm trên mái nhà";
    let context = world.server.context();
    let admin = officers::identify(context, &world.administrator).await;
    let admin = admin.unwrap().unwrap();
    let (role, first) = (Role::Officer, FirstAccess::Invitation);
    let created = officers::create(context, &admin, "hotline-1", "VN", role, first).await;
    let (officer, _) = created.unwrap();
    let invitation = sign_in::invite(context, &admin, &officer.officer_id).await;
    let link = invitation.unwrap().ticket().reveal();
    let enrolling = sign_in::choose_password(context, &link, PASSWORD)
        .await
        .unwrap();
    let cookie = enrolling.ticket.reveal();
    let asked = sign_in::start_passkey(context, &cookie).await.unwrap();
    for garbled in ["{}", &asked] {
        let refused = sign_in::finish_passkey(context, &cookie, "key", garbled, None).await;
        refused.unwrap_err();
    }
    let code = enrolling.totp.code_at(world.now());
    let accepted = sign_in::confirm_totp(context, &cookie, &code, None).await;
    let accepted = accepted.unwrap();
    let recovery_code = accepted.recovery_codes[0].reveal();
    let device = accepted.signed_in.device_cookie.clone();
    sign_in::start_sign_in(context, "hotline-1@VN", "kept-secret", Some(&device))
        .await
        .unwrap_err();
    let pending = sign_in::start_sign_in(context, "hotline-1@VN", PASSWORD, Some(&device)).await;
    let pending = pending.unwrap().ticket.reveal();
    sign_in::by_totp(context, &pending, &code, None)
        .await
        .unwrap_err();
    let signed_in = sign_in::by_recovery_code(context, &pending, &recovery_code, None).await;
    let session = signed_in.unwrap().ticket;
    vec![
        ("password", PASSWORD.as_bytes().to_vec()),
        ("invitation", link.as_bytes().to_vec()),
        ("enrolment", cookie.as_bytes().to_vec()),
        ("pending sign-in", pending.as_bytes().to_vec()),
        ("session", session.reveal().as_bytes().to_vec()),
        ("form token", session.form_token().into_bytes()),
        ("device", device.into_bytes()),
        ("recovery code", recovery_code.as_bytes().to_vec()),
        ("TOTP secret", enrolling.totp.base32().as_bytes().to_vec()),
    ]
}

/// The server says where it listens itself, once; no other line may hold an address.
fn only_own_addresses(log: &[u8]) -> bool {
    String::from_utf8_lossy(log)
        .lines()
        .filter(|line| line.contains("127.0.0.1:"))
        .all(|line| line.contains("serving"))
}
