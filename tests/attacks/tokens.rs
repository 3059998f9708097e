//! Codes and tokens: raced, forged, replayed, altered, oversized; and slips looked for by number.

use prost::Message as _;
use rand::{Rng as _, RngExt as _};
use tonic::Code;
use truyvet_crypto::{
    Day, UploadCode,
    token::{BlindedNonce, Blinding, ReportType, Token, TokenIssuer, TokenMetadata},
};
use truyvet_proto::v1::{GetCodeRequest, RedeemRequest, UploadRequest};
use truyvet_tests::{
    raw::{RawPhone, upload_token},
    world::{World, bearer, refusal, rng},
};

/// One code, sixty-four phones at once: one token.
#[tokio::test]
async fn a_code_that_64_phones_redeem_at_once_gives_one_token() {
    // All of them come from this machine, and 63 are wrong guesses.
    let world = World::with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let code = world.code().await;
    let mut phones = Vec::new();
    for number in 0..64 {
        phones.push(world.raw_phone(number).await);
    }
    let tries: Vec<_> = (1..)
        .zip(phones)
        .map(|(number, mut phone)| {
            let blinding = phone.blinding();
            let element = blinding.element().to_vec();
            let mut request = tonic::Request::new(RedeemRequest::new(code.clone(), element));
            let client = format!("203.0.113.{number}").parse().unwrap();
            request.metadata_mut().insert("x-forwarded-for", client);
            tokio::spawn(async move {
                let answer = phone.send_redeem(request).await;
                (answer, phone, blinding)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for one in tries {
        match one.await.unwrap() {
            (Ok(answer), phone, blinding) => winners.push((answer, phone, blinding)),
            (Err(status), ..) => assert_eq!(refusal(&status).1, "CODE_REFUSED"),
        }
    }
    assert_eq!(winners.len(), 1);
    // The winner may ask again, sixty-four times at once, and always gets the same token.
    let (first, phone, blinding) = winners.remove(0);
    let again: Vec<_> = (0..64)
        .map(|_| {
            let (mut report, request) = (
                phone.report.clone(),
                RedeemRequest::new(code.clone(), blinding.element().to_vec()),
            );
            tokio::spawn(async move { report.redeem(request).await })
        })
        .collect();
    let mut same = 0;
    for one in again {
        // At most ten of one address are looked at in the same moment.
        match one.await.unwrap().unwrap().into_inner().into_result() {
            Ok(answer) => {
                assert_eq!(answer.evaluated_element, first.evaluated_element);
                assert_eq!(answer.metadata, first.metadata);
                same += 1;
            }
            Err(status) => assert_eq!(refusal(&status).1, "TOO_MANY_WRONG_CODES"),
        }
    }
    assert!(same > 0);
    assert_eq!(world.rows("upload_code"), 1);
}

/// One token, sixty-four different uploads at once: one is taken.
#[tokio::test]
async fn a_token_that_pays_64_times_at_once_pays_once() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let token = phone.redeem(&world.code().await).await.unwrap();
    let tries: Vec<_> = (0..64)
        .map(|_| {
            let key = phone.key(world.today().minus_days(2));
            let request = phone.request(&token, &[key]);
            let mut report = phone.report.clone();
            tokio::spawn(async move { report.upload(request).await })
        })
        .collect();
    let mut taken = 0;
    for one in tries {
        match one.await.unwrap().unwrap().into_inner().into_result() {
            Ok(()) => taken += 1,
            Err(status) => assert_eq!(refusal(&status).1, "TOKEN_SPENT"),
        }
    }
    assert_eq!((taken, world.rows("disclosed_key")), (1, 1));
}

/// A token of this metadata by the issuer of this seed.
fn forge(seed: u8, metadata: TokenMetadata) -> Token {
    let issuer = TokenIssuer::from_seed(&[seed; 32]);
    let mut rng = rng(seed.into());
    let blinding = Blinding::generate(&mut rng);
    let blinded = BlindedNonce::parse(blinding.element()).unwrap();
    let evaluation = issuer.evaluate(&blinded, &metadata, &mut rng);
    let token = blinding.finish(
        &evaluation.element,
        &evaluation.proof,
        metadata,
        &issuer.public_key(),
    );
    token.unwrap()
}

#[tokio::test]
async fn no_token_but_the_issuers_own_pays_and_none_for_more_than_it_says() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let today = world.today();
    let own = phone
        .redeem(&world.code_with_onset(today).await)
        .await
        .unwrap();
    let keys = [phone.key(today.minus_days(1))];
    let altered = |change: fn(&mut Token)| {
        let mut token = own.clone();
        change(&mut token);
        token
    };
    let forged = [
        // Another key's, with the very metadata.
        forge(77, own.metadata),
        // Days and type that the code did not cover.
        altered(|t| t.metadata.first_day = t.metadata.first_day.minus_days(10)),
        altered(|t| t.metadata.last_day = t.metadata.last_day.plus_days(1)),
        altered(|t| t.metadata.report_type = ReportType::Clinical),
        altered(|t| t.nonce[31] ^= 1),
        altered(|t| t.output[63] ^= 0x80),
        altered(|t| t.output = [0; 64]),
    ];
    for token in forged {
        let status = phone.upload(phone.request(&token, &keys)).await;
        let refused = refusal(&status.unwrap_err());
        assert_eq!(
            (refused.0, refused.1.as_str()),
            (Code::PermissionDenied, "TOKEN_REFUSED")
        );
    }
    assert_eq!(world.rows("disclosed_key"), 0);
    assert_eq!(world.rows("spent_token"), 0);
    // None of that spent it.
    phone.upload(phone.request(&own, &keys)).await.unwrap();
    // And now it is.
    let other = [phone.key(today.minus_days(2))];
    let status = phone.upload(phone.request(&own, &other)).await.unwrap_err();
    assert_eq!(refusal(&status).1, "TOKEN_SPENT");
}

/// Whoever sees the server's blinded answers cannot make a token of a code of their own: the proof binds the element.
#[tokio::test]
async fn an_answer_to_another_phone_makes_no_token() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let (mine, theirs) = (phone.blinding(), phone.blinding());
    let request = RedeemRequest::new(world.code().await, theirs.element().to_vec());
    let answer = phone.send_redeem(request).await.unwrap();
    let metadata = answer.metadata.unwrap();
    let metadata = TokenMetadata {
        report_type: ReportType::ConfirmedTest,
        first_day: Day::from_number(metadata.first_day),
        last_day: Day::from_number(metadata.last_day),
    };
    let key = phone.config.token_public_key.as_slice().try_into().unwrap();
    let stolen = mine.finish(&answer.evaluated_element, &answer.proof, metadata, key);
    assert!(stolen.is_err());
}

/// Slips are random: who has one finds no other by counting on, nor anything of another unit by trying.
#[tokio::test]
async fn serials_cannot_be_enumerated() {
    let world = World::new().await;
    let mut officers = world.officers().await;
    let mut serials: Vec<u64> = Vec::new();
    for _ in 0..30 {
        let (_, serial) = world.code_and_serial().await;
        serials.push(serial.replace('-', "").parse().unwrap());
    }
    let mut rng = rng(8);
    let tries = serials
        .iter()
        .flat_map(|serial| [serial.wrapping_sub(1), serial + 1])
        .chain((0..200).map(|_| rng.random_range(0..1_000_000_000_000)));
    for number in tries
        .filter(|number| !serials.contains(number))
        .collect::<Vec<_>>()
    {
        let text = format!("{number:012}");
        let serial = format!("{}-{}-{}", &text[..4], &text[4..8], &text[8..]);
        let request = bearer(&world.officer, GetCodeRequest { serial });
        let status = officers.get_code(request).await.unwrap_err();
        assert_eq!(refusal(&status).1, "NO_SUCH_SERIAL");
    }
    // By code: never.
    let code = world.code().await;
    let request = bearer(&world.officer, GetCodeRequest { serial: code });
    let status = officers.get_code(request).await.unwrap_err();
    assert_eq!(refusal(&status).1, "NO_SUCH_SERIAL");
}

/// Garbage of every length, and far too much of it: an answer each time, nothing kept, and the server goes on.
#[tokio::test]
async fn garbage_and_bulk_harm_nothing() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let mut rng = rng(9);
    for round in 0..200 {
        let mut bytes = vec![0; rng.random_range(0..400)];
        rng.fill_bytes(&mut bytes);
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        let request = RedeemRequest::new(text, bytes.clone());
        let status = phone.send_redeem(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{round}");
        // As far as it decodes at all.
        if let Ok(request) = UploadRequest::decode(bytes.as_slice()) {
            phone.upload(request).await.unwrap_err();
        }
    }
    let code = UploadCode::generate(&mut rng).grouped().to_string();
    for (upload_code, blinded_element) in
        [(code.repeat(20_000), vec![0; 32]), (code, vec![7; 1 << 20])]
    {
        let request = RedeemRequest::new(upload_code, blinded_element);
        let status = phone.send_redeem(request).await.unwrap_err();
        assert!([Code::InvalidArgument, Code::OutOfRange].contains(&status.code()));
    }
    let request = UploadRequest {
        token: None,
        region: "VN".into(),
        keys: Vec::new(),
        padding: vec![0; 4 << 20],
        decoy: false,
    };
    phone.upload(request).await.unwrap_err();
    assert_eq!(world.rows("disclosed_key"), 0);
    let state = world.server.context().brake.state(world.now());
    assert_eq!(state.wrong_guesses, 0, "none of it was a guess");
    let token = phone.redeem(&world.code().await).await.unwrap();
    assert!(upload_token(&token).nonce.len() == 32);
    usable(&world, &mut phone, &token).await;
}

async fn usable(world: &World, phone: &mut RawPhone, token: &Token) {
    let keys = [phone.key(world.today().minus_days(1))];
    phone.upload(phone.request(token, &keys)).await.unwrap();
}
