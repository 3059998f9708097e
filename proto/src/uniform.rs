//! Report calls that all look alike: requests and answers of one size, whether granted, refused or a decoy.
//!
//! A refusal travels inside the answer, as the status that gRPC would have sent in trailers of another size. One method
//! gives it back on the other side: [`RedeemResponse::into_result`], [`UploadResponse::into_result`].

use prost::Message;
use tonic::{Code, Status};
use tonic_types::pb::Status as RpcStatus;

use crate::{
    padding::{Padded, PaddingError, SAFE_SPARE_BYTES, pad},
    v1::{
        GrantedToken, RedeemRequest, RedeemResponse, UploadAccepted, UploadRequest, UploadResponse,
        redeem_response, upload_response,
    },
};

/// Encoded size of every `RedeemRequest`.
pub const REDEEM_REQUEST_BYTES: usize = 256;

/// Encoded size of every `RedeemResponse`.
pub const REDEEM_RESPONSE_BYTES: usize = 512;

/// Encoded size of every `UploadResponse`.
pub const UPLOAD_RESPONSE_BYTES: usize = 512;

/// Longest encoded status that fits into both answers.
pub const MAX_REFUSAL_BYTES: usize = 512 - SAFE_SPARE_BYTES - 3;

impl RedeemRequest {
    /// Presents a code. What is longer than any code is left as it is, for the server to refuse.
    ///
    /// - `blinded_element`: 32 bytes.
    #[must_use]
    pub fn new(upload_code: String, blinded_element: Vec<u8>) -> Self {
        Self::sized(Self {
            upload_code,
            blinded_element,
            decoy: false,
            padding: vec![],
        })
    }

    /// Looks like any other, and asks for nothing.
    #[must_use]
    pub fn decoy() -> Self {
        Self::sized(Self {
            decoy: true,
            ..Self::default()
        })
    }

    /// Fills up to [`REDEEM_REQUEST_BYTES`], or leaves as it is what is too long.
    #[must_use]
    pub fn sized(mut request: Self) -> Self {
        // Too long, or next to it: no code is.
        let _ = pad(&mut request, REDEEM_REQUEST_BYTES);
        request
    }
}

impl RedeemResponse {
    /// The code was good.
    #[must_use]
    pub fn granted(token: GrantedToken) -> Self {
        Self::sized(redeem_response::Answer::Granted(token))
    }

    /// It was not, or nobody could tell.
    #[must_use]
    pub fn refused(status: &Status) -> Self {
        Self::sized(redeem_response::Answer::Refused(encode(status)))
    }

    /// What the phone unblinds, or why there is nothing, with all details.
    ///
    /// # Errors
    /// The server's refusal; INTERNAL if the answer holds neither.
    pub fn into_result(self) -> Result<GrantedToken, Status> {
        match self.answer {
            Some(redeem_response::Answer::Granted(token)) => Ok(token),
            Some(redeem_response::Answer::Refused(status)) => Err(decode(&status)),
            None => Err(no_answer()),
        }
    }

    fn sized(answer: redeem_response::Answer) -> Self {
        let answer = Some(answer);
        sized(
            Self {
                answer,
                padding: vec![],
            },
            REDEEM_RESPONSE_BYTES,
        )
    }
}

impl UploadRequest {
    /// Looks like any other, and holds nothing.
    ///
    /// - `upload_bytes`: size of every upload of the deployment.
    ///
    /// # Errors
    /// [`PaddingError`] if no deployment has that size.
    pub fn decoy(upload_bytes: usize) -> Result<Self, PaddingError> {
        let mut request = Self {
            decoy: true,
            ..Self::default()
        };
        pad(&mut request, upload_bytes)?;
        Ok(request)
    }
}

impl UploadResponse {
    /// The upload is durable.
    #[must_use]
    pub fn accepted() -> Self {
        Self::sized(upload_response::Answer::Accepted(UploadAccepted {}))
    }

    /// Nothing was stored.
    #[must_use]
    pub fn refused(status: &Status) -> Self {
        Self::sized(upload_response::Answer::Refused(encode(status)))
    }

    /// Whether it is durable; if not, why, with all details.
    ///
    /// # Errors
    /// The server's refusal; INTERNAL if the answer holds neither.
    pub fn into_result(self) -> Result<(), Status> {
        match self.answer {
            Some(upload_response::Answer::Accepted(UploadAccepted {})) => Ok(()),
            Some(upload_response::Answer::Refused(status)) => Err(decode(&status)),
            None => Err(no_answer()),
        }
    }

    fn sized(answer: upload_response::Answer) -> Self {
        let answer = Some(answer);
        sized(
            Self {
                answer,
                padding: vec![],
            },
            UPLOAD_RESPONSE_BYTES,
        )
    }
}

fn sized<M: Padded>(mut answer: M, bytes: usize) -> M {
    let result = pad(&mut answer, bytes);
    debug_assert_eq!(result, Ok(()), "tokens are short, and refusals are cut");
    answer
}

/// The status as `google.rpc.Status`: at most [`MAX_REFUSAL_BYTES`]. Where that is too little, details go, then the end of the
/// text.
fn encode(status: &Status) -> Vec<u8> {
    // tonic keeps the whole status, encoded, beside code and text.
    let whole = status.details();
    if !whole.is_empty() && whole.len() <= MAX_REFUSAL_BYTES {
        return whole.to_vec();
    }
    let text = status.message();
    let longest = MAX_REFUSAL_BYTES - 16;
    RpcStatus {
        code: status.code().into(),
        message: text[..text.floor_char_boundary(longest)].to_owned(),
        details: vec![],
    }
    .encode_to_vec()
}

fn decode(bytes: &[u8]) -> Status {
    let Ok(RpcStatus { code, message, .. }) = RpcStatus::decode(bytes) else {
        return no_answer();
    };
    let code = match Code::from_i32(code) {
        // A refusal is none.
        Code::Ok => Code::Unknown,
        code => code,
    };
    Status::with_details(code, message, bytes.to_vec().into())
}

fn no_answer() -> Status {
    Status::internal("an answer that says neither yes nor no")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    fn refusals() -> Vec<Status> {
        let mut details = ErrorDetails::with_error_info("SOME_REASON", "truyvet", []);
        details
            .add_bad_request_violation("keys[30].secret", "secret of 1 bytes, expected 3072")
            .set_retry_info(Some(Duration::from_secs(3_600)));
        vec![
            Status::with_error_details(Code::InvalidArgument, "keys[30]", details.clone()),
            Status::unavailable("not now"),
            Status::new(Code::Internal, ""),
            Status::internal("đ".repeat(10_000)),
            Status::with_error_details(Code::Aborted, "x".repeat(10_000), details),
        ]
    }

    #[test]
    fn every_answer_has_its_calls_one_size() {
        for region in ["V", "VN", "12345678"] {
            let token = GrantedToken {
                evaluated_element: vec![1; 32],
                proof: vec![2; 64],
                metadata: Some(crate::v1::TokenMetadata {
                    report_type: 4,
                    first_day: u32::MAX,
                    last_day: 0,
                }),
                region: region.to_owned(),
            };
            let answer = RedeemResponse::granted(token.clone());
            assert_eq!(answer.encode_to_vec().len(), REDEEM_RESPONSE_BYTES);
            assert_eq!(answer.into_result().unwrap(), token);
        }
        let accepted = UploadResponse::accepted();
        assert_eq!(accepted.encode_to_vec().len(), UPLOAD_RESPONSE_BYTES);
        accepted.into_result().unwrap();
        for status in refusals() {
            let redeem = RedeemResponse::refused(&status).encode_to_vec();
            let upload = UploadResponse::refused(&status).encode_to_vec();
            assert_eq!(
                (redeem.len(), upload.len()),
                (REDEEM_RESPONSE_BYTES, UPLOAD_RESPONSE_BYTES)
            );
        }
    }

    #[test]
    fn a_refusal_arrives_as_it_was_sent() {
        for status in &refusals()[..3] {
            let sent = UploadResponse::refused(status).encode_to_vec();
            let received = UploadResponse::decode(&*sent).unwrap();
            let received = received.into_result().unwrap_err();
            assert_eq!(received.code(), status.code());
            assert_eq!(received.message(), status.message());
            let details = |status: &Status| format!("{:?}", status.get_error_details());
            assert_eq!(details(&received), details(status));
        }
    }

    #[test]
    fn a_refusal_that_is_too_long_loses_details_first_and_never_its_code() {
        for status in &refusals()[3..] {
            let received = RedeemResponse::refused(status).into_result().unwrap_err();
            assert_eq!(received.code(), status.code());
            assert!(status.message().starts_with(received.message()));
            assert!(received.message().len() > 300);
        }
    }

    #[test]
    fn a_decoy_request_has_the_size_of_a_real_one() {
        let real = RedeemRequest::new("2222-222-2222".to_owned(), vec![1; 32]);
        assert_eq!(real.encoded_len(), REDEEM_REQUEST_BYTES);
        assert_eq!(RedeemRequest::decoy().encoded_len(), REDEEM_REQUEST_BYTES);
        for bytes in [512, 1_024, 50_176] {
            assert_eq!(UploadRequest::decoy(bytes).unwrap().encoded_len(), bytes);
        }
    }

    #[test]
    fn an_empty_answer_is_neither_a_token_nor_an_upload() {
        let nothing = RedeemResponse::default().into_result().unwrap_err();
        assert_eq!(nothing.code(), Code::Internal);
        UploadResponse::default().into_result().unwrap_err();
        let ok = RpcStatus::default().encode_to_vec();
        let answer = Some(upload_response::Answer::Refused(ok));
        let padding = vec![];
        let refused = UploadResponse { answer, padding }.into_result();
        assert_eq!(refused.unwrap_err().code(), Code::Unknown);
    }
}
