//! Who visits: the session behind the cookie, the language, and the token that this visitor's forms carry.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
    response::{IntoResponse as _, Response},
};

use truyvet_crypto::Timestamp;

use super::{
    answer::{self, Answer, Failure},
    cookies::{self, Name},
};
use crate::{
    context::Context,
    officers::{Actor, Permission},
    portal::{
        calendar::Moment,
        layout::{Alert, Chrome, Done, Section, SignedIn},
        paths,
        texts::{Language, Texts},
    },
    sign_in::{self, Session, Ticket},
    store::StoreError,
};

/// Anybody.
pub(super) struct Visitor {
    pub(super) context: Arc<Context>,
    pub(super) texts: &'static Texts,
    pub(super) headers: HeaderMap,
    /// Who is signed in.
    pub(super) session: Option<(Actor, Session)>,
    /// What their forms' token comes from: the session's ticket or, before there is one, a cookie's.
    form: Ticket,
    /// The cookie is new: it must be set with the answer.
    form_is_new: bool,
    /// Path and query.
    here: String,
    done: Option<Done>,
}

impl FromRequestParts<Arc<Context>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        context: &Arc<Context>,
    ) -> Result<Self, Response> {
        let texts = Texts::of(language(&parts.headers));
        let session = match cookies::get(&parts.headers, Name::Session) {
            Some(cookie) => sign_in::actor_of_session(context, &cookie)
                .await
                .map_err(|error| {
                    let failure = Failure::of_store(context, &error);
                    answer::failed(texts, &Chrome::default(), failure).into_response()
                })?,
            None => None,
        };
        let held = cookies::get(&parts.headers, Name::Form).and_then(|text| Ticket::parse(&text));
        let (form, form_is_new) = match (&session, held) {
            (Some((_, session)), _) => (session.ticket.clone(), false),
            (None, Some(ticket)) => (ticket, false),
            (None, None) => (Ticket::generate(&mut context.rng()), true),
        };
        let query = parts.uri.query().unwrap_or_default();
        let here = parts
            .uri
            .path_and_query()
            .map_or(paths::HOME, |here| here.as_str());
        Ok(Self {
            context: Arc::clone(context),
            texts,
            headers: parts.headers.clone(),
            session,
            form,
            form_is_new,
            done: form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == "done")
                .and_then(|(_, tag)| Done::from_tag(&tag)),
            here: here.to_owned(),
        })
    }
}

impl Visitor {
    /// Whether a form carries this visitor's token.
    pub(super) fn is_form_token(&self, presented: &str) -> bool {
        !self.form_is_new && self.form.is_form_token(presented)
    }

    /// What the provider is called by which one may sign in, if there is one.
    pub(super) fn provider(&self) -> Option<String> {
        let oidc = self.context.settings.oidc.as_ref();
        oidc.map(|oidc| oidc.name.clone())
    }

    /// The frame of a page outside.
    pub(super) fn chrome(&self) -> Chrome {
        Chrome {
            csrf: self.form.form_token(),
            here: Some(self.here.clone()),
            done: self.done,
            ..Chrome::default()
        }
    }

    /// As [`Self::chrome`], for a page that answers a POST: a change of language comes back to where it is shown by GET.
    pub(super) fn chrome_at(&self, here: &str) -> Chrome {
        Chrome {
            here: Some(here.to_owned()),
            ..self.chrome()
        }
    }

    /// Whether this is a step of the way in.
    pub(super) fn is_signing_in(&self) -> bool {
        self.here.starts_with(paths::SIGN_IN)
    }

    /// A page, with the cookie that its forms need.
    pub(super) fn show(&self, markup: maud::Markup) -> Answer {
        let answer = Answer::page(markup);
        if self.form_is_new {
            answer.with(cookies::set(Name::Form, &self.form.reveal(), None))
        } else {
            answer
        }
    }

    /// The page that says what went wrong.
    pub(super) fn fail(&self, failure: Failure) -> Answer {
        let chrome = Chrome {
            here: None,
            done: None,
            ..self.chrome()
        };
        answer::failed(self.texts, &chrome, failure)
    }
}

/// Somebody who is signed in.
pub(super) struct Desk {
    pub(super) visitor: Visitor,
    pub(super) actor: Actor,
    pub(super) session: Session,
    unit_name: String,
    alerts: Vec<Alert>,
}

impl FromRequestParts<Arc<Context>> for Desk {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        context: &Arc<Context>,
    ) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, context).await?;
        Self::of(visitor).await.map_err(Answer::into_response)
    }
}

impl Desk {
    /// Sends whoever is not signed in to the door.
    pub(super) async fn of(visitor: Visitor) -> Result<Self, Answer> {
        let Some((actor, session)) = visitor.session.clone() else {
            let had_one = cookies::get(&visitor.headers, Name::Session).is_some();
            let ended = if had_one { &[("ended", "1")][..] } else { &[] };
            let to = Answer::to(&paths::with_query(paths::SIGN_IN, ended));
            return Err(if had_one {
                to.with(cookies::forget(Name::Session))
            } else {
                to
            });
        };
        let context = Arc::clone(&visitor.context);
        let failed = |error: StoreError| visitor.fail(Failure::of_store(&context, &error));
        let unit_code = actor.officer.unit_code.clone();
        let path = context.store.unit_path(unit_code.clone()).await;
        let own_unit = path.map_err(failed)?.into_iter().next();
        let unit_name = own_unit.map_or(unit_code, |unit| unit.name);
        let alerts = super::alerts::of(&context, &actor).await.map_err(failed)?;
        Ok(Self {
            visitor,
            actor,
            session,
            unit_name,
            alerts,
        })
    }

    pub(super) fn context(&self) -> &Arc<Context> {
        &self.visitor.context
    }

    pub(super) fn texts(&self) -> &'static Texts {
        self.visitor.texts
    }

    /// The frame of a page inside.
    pub(super) fn chrome(&self, section: Section) -> Chrome {
        Chrome {
            officer: Some(SignedIn {
                sign_in_name: sign_in::sign_in_name(&self.actor.officer),
                unit: self.unit_name.clone(),
                role: self.actor.officer.role,
            }),
            section: Some(section),
            alerts: self.alerts.clone(),
            ..self.visitor.chrome()
        }
    }

    /// As [`Self::chrome`], for a page that answers a POST: a change of language comes back to where it is shown by GET.
    pub(super) fn chrome_at(&self, section: Section, here: &str) -> Chrome {
        Chrome {
            here: Some(here.to_owned()),
            ..self.chrome(section)
        }
    }

    /// The name of the officer's unit.
    pub(super) fn unit_name(&self) -> &str {
        &self.unit_name
    }

    /// A time as this country's clocks show it.
    pub(super) fn moment(&self, time: Timestamp) -> Moment {
        let offset = self.context().settings.exposure_rule.utc_offset_seconds;
        Moment::at(time, offset).expect("what is stored is of this era")
    }

    /// The frame of a page that cannot be shown again: it holds something that is shown once.
    pub(super) fn chrome_once(&self, section: Section) -> Chrome {
        Chrome {
            here: None,
            ..self.chrome(section)
        }
    }

    /// Refuses pages to whom the domain would refuse what they are for.
    pub(super) fn must(&self, permission: Permission) -> Result<(), Answer> {
        if self.actor.may(permission) {
            Ok(())
        } else {
            Err(self.fail(Failure::NotAllowed))
        }
    }

    /// The page that says what went wrong.
    pub(super) fn fail(&self, failure: Failure) -> Answer {
        let chrome = Chrome {
            section: None,
            alerts: vec![],
            here: None,
            ..self.chrome(Section::Home)
        };
        answer::failed(self.texts(), &chrome, failure)
    }
}

/// As chosen, else as the browser asks, else Vietnamese.
fn language(headers: &HeaderMap) -> Language {
    if let Some(chosen) =
        cookies::get(headers, Name::Language).and_then(|tag| Language::from_tag(&tag))
    {
        return chosen;
    }
    let asked = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    asked
        .unwrap_or_default()
        .split(',')
        // Browsers send their list in order of preference.
        .filter_map(|range| range.trim().split([';', '-']).next())
        .find_map(Language::from_tag)
        .unwrap_or_default()
}
