//! What the forms that issue a code have in common: the region, the quota, and the page that shows the code.

use super::{
    answer::{Answer, Failure},
    once::Sent,
    visitor::Desk,
};
use crate::{
    authorize::{self, CodeOrder, IssueError, IssuedCode},
    portal::{
        calendar::Moment,
        layout::Section,
        pages::{
            already::{self, Already},
            home::Region,
            issued::{self, Issued},
        },
        slip::{Purpose, Slip},
    },
};

/// Where this deployment publishes, as a list to choose from: by the unit's name where a region is a unit.
pub(super) async fn regions(desk: &Desk) -> Result<Vec<Region>, Answer> {
    let mut regions = Vec::new();
    for region in &desk.context().settings.regions {
        let code = region.as_str();
        let unit_code = code
            .split_once('-')
            .map_or(code, |(_, unit_code)| unit_code);
        let path = desk.context().store.unit_path(unit_code.to_owned()).await;
        let path = path.map_err(|error| desk.fail(Failure::of_store(desk.context(), &error)))?;
        let unit = path.into_iter().next();
        regions.push(Region {
            code: code.to_owned(),
            name: unit.map_or_else(|| code.to_owned(), |unit| unit.name),
        });
    }
    Ok(regions)
}

/// The region that a new form offers.
pub(super) fn first_region(desk: &Desk) -> String {
    desk.context().settings.regions[0].as_str().to_owned()
}

/// Issues one code, in words for [`super::once::Once::run`].
pub(super) async fn issue_one(
    context: std::sync::Arc<crate::context::Context>,
    actor: crate::officers::Actor,
    order: CodeOrder,
) -> Result<(IssuedCode, String), IssueError> {
    let mut issued = authorize::issue(&context, &actor, &[order]).await?;
    let code = issued.pop().expect("a code for each order");
    let serial = code.serial.clone();
    Ok((code, serial))
}

/// The page that shows the code, or that it was issued before; `None` if the form is too old.
///
/// - `again`: where the form is.
pub(super) fn shown(
    desk: &Desk,
    section: Section,
    sent: Sent<IssuedCode>,
    purpose: Purpose,
    allows: String,
    again: &'static str,
) -> Option<Answer> {
    let chrome = desk.chrome_once(section);
    let page = match sent {
        Sent::First(code) => {
            let view = Issued {
                slip: slip(desk, code, purpose, None),
                allows,
            };
            issued::page(desk.texts(), &chrome, &view)
        }
        Sent::Before(serial) => {
            let view = Already::Code { serial, again };
            already::page(desk.texts(), &chrome, &view)
        }
        Sent::Stale => return None,
    };
    Some(desk.visitor.show(page))
}

/// What is printed of a code.
pub(super) fn slip(desk: &Desk, code: IssuedCode, purpose: Purpose, line: Option<u32>) -> Slip {
    Slip {
        upload_code: code.upload_code,
        serial: code.serial,
        expires_at: local(desk, code.expires_at),
        purpose,
        line,
    }
}

/// On the officer's clock.
pub(super) fn local(desk: &Desk, time: truyvet_crypto::Timestamp) -> Moment {
    let offset = desk.context().settings.exposure_rule.utc_offset_seconds;
    Moment::at(time, offset).expect("the server's clock is in this age")
}

/// Which page tells of it where no field is at fault.
pub(super) fn failure(desk: &Desk, error: &IssueError) -> Failure {
    match error {
        IssueError::NotAllowed => Failure::NotAllowed,
        IssueError::Store(error) => Failure::of_store(desk.context(), error),
        _ => Failure::FormRefused,
    }
}
