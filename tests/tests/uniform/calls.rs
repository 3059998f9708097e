//! Single calls of every kind, each on a connection of its own: what the server makes of them.

use rand::{rngs::StdRng, seq::SliceRandom as _};
use tonic::Request;
use truyvet_crypto::{Receipt, UploadCode, token::Token};
use truyvet_proto::v1::{RedeemRequest, UploadRequest, report_service_client::ReportServiceClient};
use truyvet_tests::{
    raw::RawPhone,
    world::{World, refusal, rng},
};

use crate::watcher::{Line, Watcher};

/// Every kind of redeem call.
pub(crate) const REDEEMS: [Kind; 5] = [
    Kind::Decoy,
    Kind::Granted,
    Kind::Unknown,
    Kind::Mistyped,
    Kind::Braked,
];

/// Every kind of upload call.
pub(crate) const UPLOADS: [Kind; 7] = [
    Kind::DecoyUpload,
    Kind::Accepted,
    Kind::Withdrawn,
    Kind::Again,
    Kind::Spent,
    Kind::Forged,
    Kind::Empty,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A redeem call that is none.
    Decoy,
    /// A code that is good.
    Granted,
    /// A code that nobody issued.
    Unknown,
    /// What cannot be a code.
    Mistyped,
    /// A good code from where too many wrong ones came.
    Braked,
    /// An upload that is none.
    DecoyUpload,
    /// Keys of eleven days.
    Accepted,
    /// Takes keys of one day back.
    Withdrawn,
    /// The same request as before.
    Again,
    /// With a token that paid for another.
    Spent,
    /// With a token of nobody's.
    Forged,
    /// Without keys.
    Empty,
}

enum Message {
    Redeem(RedeemRequest),
    Upload(UploadRequest),
}

/// A call that is ready, and what it must be answered with: no reason, if with success.
pub(crate) struct Call {
    pub(crate) kind: Kind,
    message: Message,
    source: String,
    reason: &'static str,
}

/// Of addresses of this form, Huffman's code makes the same number of bytes: no digit but 0, 1 and 2.
fn source(number: usize) -> String {
    let digits = |n: usize| format!("1{}{}", n / 3 % 3, n % 3);
    let [a, b, c] = [number / 81, number / 9, number].map(digits);
    format!("10.{a}.{b}.{c}")
}

/// Where all guesses are used up.
const HELD: &str = "10.122.122.122";

/// Makes calls ready: so many of each kind, in random order.
pub(crate) async fn ready(world: &World, kinds: &[Kind], count: usize, seed: u64) -> Vec<Call> {
    let mut phone = world.raw_phone(seed).await;
    let mut rng = rng(seed);
    if kinds.contains(&Kind::Braked) {
        spend_all_guesses(&mut phone, &mut rng).await;
    }
    let mut calls = Vec::new();
    for number in 0..count {
        for &kind in kinds {
            let (message, reason) = message(world, &mut phone, kind, &mut rng).await;
            let source = match kind {
                Kind::Braked => HELD.to_owned(),
                _ => source(number % 700),
            };
            calls.push(Call {
                kind,
                message,
                source,
                reason,
            });
        }
    }
    calls.shuffle(&mut rng);
    calls
}

async fn spend_all_guesses(phone: &mut RawPhone, rng: &mut StdRng) {
    for _ in 0..10 {
        let code = UploadCode::generate(rng).grouped().to_string();
        let element = phone.blinding().element().to_vec();
        let mut guess = Request::new(RedeemRequest::new(code, element));
        let headers = guess.metadata_mut();
        headers.insert("x-forwarded-for", HELD.parse().unwrap());
        phone.send_redeem(guess).await.unwrap_err();
    }
}

async fn message(
    world: &World,
    phone: &mut RawPhone,
    kind: Kind,
    rng: &mut StdRng,
) -> (Message, &'static str) {
    let element = phone.blinding().element().to_vec();
    let redeem = |code: String| Message::Redeem(RedeemRequest::new(code, element));
    let unknown = UploadCode::generate(rng).grouped().to_string();
    match kind {
        Kind::Decoy => (Message::Redeem(RedeemRequest::decoy()), ""),
        Kind::Granted => (redeem(world.code().await), ""),
        Kind::Unknown => (redeem(unknown), "CODE_REFUSED"),
        Kind::Mistyped => (redeem("abc".to_owned()), "CODE_MALFORMED"),
        Kind::Braked => (redeem(world.code().await), "TOO_MANY_WRONG_CODES"),
        Kind::DecoyUpload => {
            let bytes = phone.config.upload_bytes as usize;
            (Message::Upload(UploadRequest::decoy(bytes).unwrap()), "")
        }
        Kind::Forged => {
            let mut token = token(world, phone).await;
            token.output[0] ^= 1;
            let keys = [phone.key(world.today().minus_days(1))];
            (
                Message::Upload(phone.request(&token, &keys)),
                "TOKEN_REFUSED",
            )
        }
        Kind::Accepted => {
            let token = token(world, phone).await;
            let days = (0..=8).map(|ago| world.today().minus_days(ago + 1));
            let keys: Vec<_> = days.map(|day| phone.key(day)).collect();
            (Message::Upload(phone.request(&token, &keys)), "")
        }
        Kind::Empty => {
            let token = token(world, phone).await;
            (Message::Upload(phone.request(&token, &[])), "NO_KEYS")
        }
        Kind::Withdrawn | Kind::Again | Kind::Spent => {
            let paid = token(world, phone).await;
            let keys = [phone.key(world.today().minus_days(1))];
            let request = phone.request(&paid, &keys);
            phone.upload(request.clone()).await.unwrap();
            match kind {
                Kind::Again => (Message::Upload(request), ""),
                Kind::Spent => {
                    let others = [phone.key(world.today().minus_days(2))];
                    (
                        Message::Upload(phone.request(&paid, &others)),
                        "TOKEN_SPENT",
                    )
                }
                _ => {
                    let code = world.withdrawal_code().await;
                    let token = phone.redeem(&code).await.unwrap();
                    let receipts = [Receipt::of(&keys[0])];
                    (Message::Upload(phone.withdrawal(&token, &receipts)), "")
                }
            }
        }
    }
}

async fn token(world: &World, phone: &mut RawPhone) -> Token {
    phone.redeem(&world.code().await).await.unwrap()
}

/// Makes a call on a new connection, checks what it came to, and gives what passed.
pub(crate) async fn make(world: &World, watcher: &Watcher, call: Call) -> (Kind, Line) {
    let mut report = ReportServiceClient::new(world.channel(watcher.address).await);
    let source = call.source.parse().unwrap();
    let outcome = match call.message {
        Message::Redeem(message) => {
            let mut request = Request::new(message);
            request.metadata_mut().insert("x-forwarded-for", source);
            let answer = report.redeem(request).await.unwrap().into_inner();
            answer.into_result().map(drop)
        }
        Message::Upload(message) => {
            let mut request = Request::new(message);
            request.metadata_mut().insert("x-forwarded-for", source);
            let answer = report.upload(request).await.unwrap().into_inner();
            answer.into_result()
        }
    };
    let reason = outcome.err().map(|status| refusal(&status).1);
    assert_eq!(reason.unwrap_or_default(), call.reason, "{:?}", call.kind);
    drop(report);
    let mut lines = watcher.take().await;
    assert_eq!(lines.len(), 1, "one connection for one call");
    (call.kind, lines.remove(0))
}
