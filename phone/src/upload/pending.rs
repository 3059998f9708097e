//! The upload on its way, kept so that a crash between any two steps can be taken up. Table `pending_upload`.

use prost::Message;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use truyvet_crypto::{
    Day, Timestamp,
    token::{Blinding, ReportType, Token, TokenMetadata},
};
use truyvet_matching::Region;
use truyvet_proto::v1 as pb;
use zeroize::Zeroizing;

use super::UploadOptions;
use crate::database::StoreError;

/// One upload, as far as it got.
pub(super) struct Pending {
    /// In groups, as [`truyvet_crypto::UploadCode::grouped`] writes it.
    pub(super) code: Zeroizing<String>,
    /// Takes back instead of disclosing.
    pub(super) withdraws: bool,
    /// As the person chose, or of the receipt; `None` until the answer to the code says what the officer chose.
    pub(super) region: Option<Region>,
    pub(super) options: UploadOptions,
    pub(super) blinding: Blinding,
    /// There once the code is redeemed.
    pub(super) token: Option<Token>,
    /// There once it is built; sent as it is on every try.
    pub(super) request: Option<Zeroizing<Vec<u8>>>,
}

/// The upload on its way, if there is one.
pub(super) fn load(connection: &Connection) -> Result<Option<Pending>, StoreError> {
    let row = connection
        .query_row(
            "SELECT upload_code, region, left_out, blinding, token, request, withdraws FROM pending_upload",
            [],
            |row| {
                Ok((
                    Zeroizing::new(row.get::<_, String>(0)?),
                    row.get::<_, Option<String>>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                    Zeroizing::new(row.get::<_, Vec<u8>>(3)?),
                    row.get::<_, Option<Vec<u8>>>(4)?,
                    row.get::<_, Option<Vec<u8>>>(5)?.map(Zeroizing::new),
                    row.get::<_, bool>(6)?,
                ))
            },
        )
        .optional()?;
    let Some((code, region, left_out, blinding, token, request, withdraws)) = row else {
        return Ok(None);
    };
    Ok(Some(Pending {
        code,
        withdraws,
        region: region
            .map(|region| {
                Region::parse(&region).map_err(|_| StoreError::Damaged("pending_upload.region"))
            })
            .transpose()?,
        options: decode_options(&left_out).ok_or(StoreError::Damaged("pending_upload.left_out"))?,
        blinding: Blinding::restore(&blinding)
            .map_err(|_| StoreError::Damaged("pending_upload.blinding"))?,
        token: token
            .map(|token| {
                let token = pb::UploadToken::decode(&**Zeroizing::new(token)).ok();
                token
                    .and_then(token_from_wire)
                    .ok_or(StoreError::Damaged("pending_upload.token"))
            })
            .transpose()?,
        request,
    }))
}

/// Keeps an upload at the stage it is in.
pub(super) fn save(transaction: &Transaction<'_>, pending: &Pending) -> Result<(), StoreError> {
    // No `..` here: a new field must find its column before this compiles again.
    let Pending {
        code,
        withdraws,
        region,
        options,
        blinding,
        token,
        request,
    } = pending;
    let token = token
        .as_ref()
        .map(|token| Zeroizing::new(token_to_wire(token).encode_to_vec()));
    transaction.execute(
        "INSERT OR REPLACE INTO pending_upload (one, upload_code, withdraws, region, left_out, blinding, token, request)
         VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
        params![
            code.as_str(),
            withdraws,
            region.as_ref().map(Region::as_str),
            encode_options(options),
            *blinding.save(),
            token.as_deref(),
            request.as_deref(),
        ],
    )?;
    Ok(())
}

/// Forgets the upload. Traces in the log are the caller's to remove.
pub(super) fn clear(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM pending_upload", [])?;
    Ok(())
}

/// A token as it goes over the wire.
pub(super) fn token_to_wire(token: &Token) -> pb::UploadToken {
    pb::UploadToken {
        nonce: token.nonce.to_vec(),
        metadata: Some(pb::TokenMetadata {
            report_type: token.metadata.report_type.byte().into(),
            first_day: token.metadata.first_day.number(),
            last_day: token.metadata.last_day.number(),
        }),
        output: token.output.to_vec(),
    }
}

/// Metadata from the wire; `None` for an unknown report type or a day beyond 9999.
pub(super) fn metadata_from_wire(metadata: pb::TokenMetadata) -> Option<TokenMetadata> {
    let pb::TokenMetadata {
        report_type,
        first_day,
        last_day,
    } = metadata;
    // `Day` takes days after 9999 for its last one; the signature would not cover that.
    let day = |number| Some(Day::from_number(number)).filter(|day| day.number() == number);
    Some(TokenMetadata {
        report_type: u8::try_from(report_type)
            .ok()
            .and_then(ReportType::from_byte)?,
        first_day: day(first_day)?,
        last_day: day(last_day)?,
    })
}

fn token_from_wire(token: pb::UploadToken) -> Option<Token> {
    Some(Token {
        nonce: token.nonce.try_into().ok()?,
        metadata: metadata_from_wire(token.metadata?)?,
        output: token.output.try_into().ok()?,
    })
}

fn encode_options(options: &UploadOptions) -> Vec<u8> {
    options
        .left_out
        .iter()
        .flat_map(|(from, until)| [from, until])
        .flat_map(|time| time.unix_seconds().to_be_bytes())
        .collect()
}

fn decode_options(bytes: &[u8]) -> Option<UploadOptions> {
    let (numbers, []) = bytes.as_chunks::<8>() else {
        return None;
    };
    let times: Vec<_> = numbers
        .iter()
        .map(|number| Timestamp::from_unix_seconds(i64::from_be_bytes(*number)))
        .collect::<Option<_>>()?;
    let (pairs, []) = times.as_chunks::<2>() else {
        return None;
    };
    let left_out = pairs.iter().map(|[from, until]| (*from, *until)).collect();
    Some(UploadOptions { left_out })
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};
    use truyvet_crypto::Scheme;

    use super::*;
    use crate::database::Database;

    #[test]
    fn an_upload_is_kept_at_every_stage() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        assert!(database.read(load).unwrap().is_none());
        let noon = Timestamp::from_unix_seconds(1_767_268_800).unwrap();
        let mut pending = Pending {
            code: Zeroizing::new("7XK4-9AC-2HTE".to_owned()),
            withdraws: true,
            region: None,
            options: UploadOptions::default().leave_out(noon, noon.plus_seconds(3_600)),
            blinding: Blinding::generate(&mut StdRng::seed_from_u64(1)),
            token: None,
            request: None,
        };
        let round_trip = |pending: &Pending| {
            database
                .write(|transaction| save(transaction, pending))
                .unwrap();
            let loaded = database.read(load).unwrap().unwrap();
            assert_eq!(*loaded.code, *pending.code);
            assert_eq!(loaded.withdraws, pending.withdraws);
            assert_eq!(loaded.region, pending.region);
            assert_eq!(loaded.options, pending.options);
            assert_eq!(loaded.blinding.element(), pending.blinding.element());
            assert_eq!(loaded.token, pending.token);
            assert_eq!(loaded.request, pending.request);
        };
        round_trip(&pending);
        pending.region = Some(Region::parse("VN-48").unwrap());
        pending.token = Some(Token {
            nonce: [1; 32],
            metadata: TokenMetadata {
                report_type: ReportType::Clinical,
                first_day: Day::from_number(20_400),
                last_day: Day::from_number(20_410),
            },
            output: [2; 64],
        });
        round_trip(&pending);
        pending.request = Some(Zeroizing::new(vec![1, 2, 3]));
        round_trip(&pending);
        database.write(clear).unwrap();
        assert!(database.read(load).unwrap().is_none());
    }

    #[test]
    fn metadata_that_no_server_would_sign_is_refused() {
        let wire = |report_type, first_day| {
            metadata_from_wire(pb::TokenMetadata {
                report_type,
                first_day,
                last_day: 20_000,
            })
        };
        assert!(wire(1, 19_990).is_some());
        assert!(wire(0, 19_990).is_none());
        assert!(wire(257, 19_990).is_none());
        assert!(wire(1, u32::MAX).is_none());
    }
}
