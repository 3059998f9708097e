//! `truyvet officer list`: the codes of a unit, newest first.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::json;
use truyvet_proto::v1::{CodeState, GetCodeResponse, ListCodesRequest};

use super::{code_json, state_word, time};
use crate::{
    remote::{StaffArgs, explain},
    words,
};

/// Codes in one message.
const PAGE: u32 = 500;

/// Which codes.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    staff: StaffArgs,
    /// Codes of this unit alone [default: of all that you see]
    #[arg(long, value_name = "CODE")]
    unit: Option<String>,
    /// Codes in this state alone [default: in any]
    #[arg(long, value_enum)]
    state: Option<StateKind>,
    /// At most so many; 0 for the counts alone
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// One JSON object a line, the counts last
    #[arg(long)]
    json: bool,
}

/// Where a code is in its life.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateKind {
    /// Can be redeemed
    Issued,
    /// Was turned into a token
    Redeemed,
    /// Its time ran out
    Expired,
    /// An officer withdrew it
    Revoked,
}

/// Asks page by page and prints.
pub(super) async fn run(args: &ListArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let state = match args.state {
        None => CodeState::Unspecified,
        Some(StateKind::Issued) => CodeState::Issued,
        Some(StateKind::Redeemed) => CodeState::Redeemed,
        Some(StateKind::Expired) => CodeState::Expired,
        Some(StateKind::Revoked) => CodeState::Revoked,
    };
    let mut officer = args.staff.connect()?.officer();
    let (mut left, mut page_token) = (args.limit, String::new());
    let counts = loop {
        let request = ListCodesRequest {
            unit_code: args.unit.clone().unwrap_or_default(),
            state: state.into(),
            page_size: left.min(PAGE),
            page_token,
        };
        let answer = officer.list_codes(request).await;
        let page = answer.map_err(|status| explain(&status))?.into_inner();
        for code in &page.codes {
            print(code, args.json, out)?;
        }
        left = left.saturating_sub(PAGE);
        page_token = page.next_page_token;
        if left == 0 || page_token.is_empty() {
            break page.counts.unwrap_or_default();
        }
    };
    if args.json {
        let object = json!({
            "issued": counts.issued,
            "redeemed": counts.redeemed,
            "expired": counts.expired,
            "revoked": counts.revoked,
        });
        writeln!(out, "{}", json!({ "counts": object }))?;
        return Ok(());
    }
    let [issued, redeemed, expired, revoked] = [
        counts.issued,
        counts.redeemed,
        counts.expired,
        counts.revoked,
    ]
    .map(words::grouped);
    writeln!(
        out,
        "{issued} issued, {redeemed} redeemed, {expired} expired, {revoked} revoked"
    )?;
    Ok(())
}

fn print(code: &GetCodeResponse, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if json {
        writeln!(out, "{}", code_json(code))?;
        return Ok(());
    }
    writeln!(
        out,
        "{}\t{:<8}\t{}\t{}\t{}\t{}",
        code.serial,
        state_word(code.state()),
        time(code.issued_at),
        time(code.expires_at),
        code.unit_code,
        code.region,
    )?;
    Ok(())
}
