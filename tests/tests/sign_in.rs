//! Signing in with a browser, over a real server's domain: what gets in, what does not, and what is left behind.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use truyvet_proto::v1::{
    self as pb, CreateOfficerRequest, DeactivateOfficerRequest, InviteOfficerRequest,
};
use truyvet_server::{
    Context,
    audit::Action,
    officers::{self, Access, Actor, FirstAccess, OfficerError, Role},
    retention,
    sign_in::{self, Accepted, PasswordFault, SignInError, SignedIn, TotpSecret},
};
use truyvet_tests::{
    authenticator::Authenticator,
    world::{World, bearer, refusal},
};

const PASSWORD: &str = "mèo nằm trên mái nhà";
const NAME: &str = "hotline-1@VN";
const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// Somebody with an account, and everything they would have written down.
struct Person {
    officer_id: String,
    totp: TotpSecret,
    recovery_codes: Vec<String>,
    device_cookie: String,
    session: String,
}

fn context(world: &World) -> &Context {
    world.server.context()
}

async fn administrator(world: &World) -> Actor {
    let found = officers::identify(context(world), &world.administrator).await;
    found.unwrap().unwrap()
}

/// Adds hotline-1 to the country; gives its id and the secret part of its invitation's link.
async fn invited(world: &World) -> (String, String) {
    let admin = administrator(world).await;
    let context = context(world);
    let (role, first) = (Role::Officer, FirstAccess::Invitation);
    let created = officers::create(context, &admin, "hotline-1", "VN", role, first).await;
    match created.unwrap() {
        (officer, Access::Invitation(invitation)) => {
            let link = invitation.link(&world.settings.portal_origin);
            let (_, ticket) = link.rsplit_once("/portal/invitation?invitation=").unwrap();
            (officer.officer_id, ticket.to_owned())
        }
        (_, Access::Credential(_)) => panic!("an invitation was asked for"),
    }
}

async fn invited_again(world: &World, officer_id: &str) -> String {
    let admin = administrator(world).await;
    let invitation = sign_in::invite(context(world), &admin, officer_id).await;
    invitation.unwrap().ticket().reveal().to_string()
}

/// Accepts with an authenticator app.
async fn accept(world: &World, ticket: &str) -> Person {
    let context = context(world);
    let enrolling = sign_in::choose_password(context, ticket, PASSWORD)
        .await
        .unwrap();
    assert_eq!(enrolling.sign_in_name(), NAME);
    let code = enrolling.totp.code_at(world.now());
    let cookie = enrolling.ticket.reveal();
    let accepted = sign_in::confirm_totp(context, &cookie, &code, None).await;
    person(accepted.unwrap(), enrolling.totp)
}

fn person(accepted: Accepted, totp: TotpSecret) -> Person {
    let SignedIn {
        ticket,
        device_cookie,
        officer,
        recovery_codes_left,
    } = accepted.signed_in;
    assert_eq!(recovery_codes_left, 10);
    Person {
        officer_id: officer.officer_id,
        totp,
        recovery_codes: accepted
            .recovery_codes
            .iter()
            .map(|code| code.reveal().to_string())
            .collect(),
        device_cookie,
        session: ticket.reveal().to_string(),
    }
}

async fn enrolled(world: &World) -> Person {
    let (_, ticket) = invited(world).await;
    accept(world, &ticket).await
}

/// Shows name and password; gives the sign-in cookie.
async fn password(world: &World, typed: &str, device: Option<&str>) -> Result<String, SignInError> {
    let pending = sign_in::start_sign_in(context(world), NAME, typed, device).await?;
    Ok(pending.ticket.reveal().to_string())
}

/// Signs in with the app; gives the session cookie.
async fn whole_sign_in(world: &World, person: &Person, device: Option<&str>) -> String {
    let cookie = password(world, PASSWORD, device).await.unwrap();
    let code = person.totp.code_at(world.now());
    let signed_in = sign_in::by_totp(context(world), &cookie, &code, device).await;
    signed_in.unwrap().ticket.reveal().to_string()
}

async fn is_signed_in(world: &World, session: &str) -> bool {
    let found = sign_in::actor_of_session(context(world), session)
        .await
        .unwrap();
    found.is_some()
}

async fn deactivate(world: &World, officer_id: &str) {
    let request = DeactivateOfficerRequest {
        officer_id: officer_id.into(),
    };
    let mut admin = world.admin().await;
    admin
        .deactivate_officer(bearer(&world.administrator, request))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_invitation_is_good_once_and_changes_nothing_before_its_end() {
    let world = World::new().await;
    let context = context(&world);
    let (_, ticket) = invited(&world).await;
    // A mail scanner opens the link.
    for _ in 0..3 {
        let officer = sign_in::open_invitation(context, &ticket).await.unwrap();
        assert_eq!(sign_in::sign_in_name(&officer), NAME);
    }
    let short = sign_in::choose_password(context, &ticket, "mèo").await;
    assert!(matches!(
        short,
        Err(SignInError::Password(PasswordFault::Length))
    ));
    let enrolling = sign_in::choose_password(context, &ticket, PASSWORD)
        .await
        .unwrap();
    let cookie = enrolling.ticket.reveal();
    let wrong = sign_in::confirm_totp(context, &cookie, "000000", None).await;
    assert!(matches!(wrong, Err(SignInError::FactorRefused)));
    // A password alone is no account.
    let early = password(&world, PASSWORD, None).await;
    assert!(matches!(early, Err(SignInError::Refused)));
    // The page is loaded again: the same secret.
    let again = sign_in::enrolling(context, &cookie).await.unwrap();
    let code = again.totp.code_at(world.now());
    let accepted = sign_in::confirm_totp(context, &cookie, &code, None)
        .await
        .unwrap();
    assert_eq!(accepted.recovery_codes.len(), 10);

    assert!(matches!(
        sign_in::open_invitation(context, &ticket).await,
        Err(SignInError::Expired)
    ));
    let twice = sign_in::confirm_totp(context, &cookie, &code, None).await;
    assert!(matches!(twice, Err(SignInError::Expired)));
    let session = accepted.signed_in.ticket.reveal();
    let (actor, _) = sign_in::actor_of_session(context, &session)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (actor.officer.label.as_str(), actor.key_id),
        ("hotline-1", None)
    );
}

#[tokio::test]
async fn an_invitation_runs_out_and_gives_way_to_the_next() {
    let world = World::new().await;
    let context = context(&world);
    let (officer_id, first) = invited(&world).await;
    let begun = sign_in::choose_password(context, &first, PASSWORD)
        .await
        .unwrap();
    let second = invited_again(&world, &officer_id).await;
    assert!(matches!(
        sign_in::open_invitation(context, &first).await,
        Err(SignInError::Expired)
    ));
    // Nor does what was begun by the first go on.
    let code = begun.totp.code_at(world.now());
    let refused = sign_in::confirm_totp(context, &begun.ticket.reveal(), &code, None).await;
    assert!(matches!(refused, Err(SignInError::Expired)));
    world.clock.advance(7 * 24 * HOUR);
    assert!(sign_in::open_invitation(context, &second).await.is_ok());
    world.clock.advance(HOUR);
    assert!(matches!(
        sign_in::open_invitation(context, &second).await,
        Err(SignInError::Expired)
    ));
    for nonsense in ["", "x", "A".repeat(43).as_str()] {
        let refused = sign_in::choose_password(context, nonsense, PASSWORD).await;
        assert!(matches!(refused, Err(SignInError::Expired)));
    }
}

#[tokio::test]
async fn an_accepted_invitation_ends_what_the_account_had() {
    let world = World::new().await;
    let before = enrolled(&world).await;
    let ticket = invited_again(&world, &before.officer_id).await;
    // Until then all goes on.
    assert!(is_signed_in(&world, &before.session).await);
    world.clock.advance(MINUTE);
    let pending = password(&world, PASSWORD, None).await.unwrap();
    let after = accept(&world, &ticket).await;
    assert!(!is_signed_in(&world, &before.session).await);
    assert!(is_signed_in(&world, &after.session).await);
    let code = before.totp.code_at(world.now());
    let refused = sign_in::by_totp(context(&world), &pending, &code, None).await;
    assert!(matches!(refused, Err(SignInError::Expired)));
    world.clock.advance(MINUTE);
    let cookie = password(&world, PASSWORD, None).await.unwrap();
    let old = sign_in::by_recovery_code(context(&world), &cookie, &before.recovery_codes[0], None);
    assert!(matches!(old.await, Err(SignInError::FactorRefused)));
    let new = sign_in::by_recovery_code(context(&world), &cookie, &after.recovery_codes[0], None);
    assert!(new.await.is_ok());
}

#[tokio::test]
async fn only_who_may_invites_and_nobody_themselves() {
    let world = World::new().await;
    let (officer_id, _) = invited(&world).await;
    let mut admin = world.admin().await;
    let request = CreateOfficerRequest {
        label: "hotline-2".into(),
        unit_code: "VN".into(),
        role: pb::Role::Officer.into(),
        first_access: pb::FirstAccess::Invitation.into(),
    };
    let created = admin
        .create_officer(bearer(&world.administrator, request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(created.credential, "");
    let link = created.invitation.unwrap().link;
    let (_, ticket) = link.rsplit_once('=').unwrap();
    let officer = sign_in::open_invitation(context(&world), ticket)
        .await
        .unwrap();
    assert_eq!(officer.officer_id, created.officer.unwrap().officer_id);
    let request = |officer_id: &str| InviteOfficerRequest {
        officer_id: officer_id.into(),
    };
    let answer = admin
        .invite_officer(bearer(&world.administrator, request(&officer_id)))
        .await
        .unwrap();
    let invitation = answer.into_inner().invitation.unwrap();
    assert!(invitation.link.starts_with("http://localhost:"));
    assert_eq!(invitation.expires_at % HOUR, 0);
    for (credential, officer_id, reason) in [
        (&world.officer, officer_id.as_str(), "NOT_ALLOWED"),
        (&world.administrator, "nobody", "NO_SUCH_OFFICER"),
    ] {
        let refused = admin
            .invite_officer(bearer(credential, request(officer_id)))
            .await;
        assert_eq!(refusal(&refused.unwrap_err()).1, reason);
    }
    let actor = administrator(&world).await;
    let own = sign_in::invite(context(&world), &actor, &actor.officer.officer_id).await;
    assert!(matches!(own, Err(OfficerError::OwnAccount)));
    deactivate(&world, &officer_id).await;
    let gone = sign_in::invite(context(&world), &actor, &officer_id).await;
    assert!(matches!(gone, Err(OfficerError::NoSuchOfficer)));
}

/// A key that may keep officers and nothing else cannot invite itself into an account that may do more.
#[tokio::test]
async fn nobody_invites_to_more_than_they_may_do() {
    let world = World::new().await;
    let (officer_id, _) = invited(&world).await;
    let admin = administrator(&world).await;
    let scopes = officers::Permissions::of(&[officers::Permission::KeepOfficers]);
    let narrow = Actor::with_client_key(admin.officer, "key".into(), scopes);
    let refused = sign_in::invite(context(&world), &narrow, &officer_id).await;
    assert!(matches!(refused, Err(OfficerError::NotAllowed)));
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_get_one_answer_after_the_same_work() {
    let world = World::new().await;
    enrolled(&world).await;
    let context = context(&world);
    let long = "x".repeat(100_000);
    let hashes = || context.sign_in.password_hashes();
    for (name, typed) in [
        (NAME, "mèo nằm dưới mái nhà"),
        (NAME, ""),
        (NAME, long.as_str()),
        ("hotline-2@VN", PASSWORD),
        ("hotline-1@VM", PASSWORD),
        // An account that was never invited.
        ("Officer@VN", PASSWORD),
        ("nonsense", PASSWORD),
        ("", ""),
    ] {
        let before = hashes();
        let refused = sign_in::start_sign_in(context, name, typed, None).await;
        let error = refused.unwrap_err();
        assert_eq!(error.to_string(), "name or password wrong", "{name}");
        assert_eq!(hashes() - before, 1, "{name}");
    }
    // Unknown names are slowed down like known ones, so that the delay tells nothing.
    for name in ["nobody@VN", "Officer@VN"] {
        let mut tries = 0;
        while !matches!(
            sign_in::start_sign_in(context, name, "x", None).await,
            Err(SignInError::Wait { seconds: 1 })
        ) {
            tries += 1;
        }
        assert_eq!(tries, if name == "nobody@VN" { 5 } else { 4 });
    }
}

#[tokio::test]
async fn a_code_of_the_app_is_used_once() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    let context = context(&world);
    // The code that accepted the invitation.
    let cookie = password(&world, PASSWORD, None).await.unwrap();
    let code = person.totp.code_at(world.now());
    let replayed = sign_in::by_totp(context, &cookie, &code, None).await;
    assert!(matches!(replayed, Err(SignInError::FactorRefused)));
    world.clock.advance(30);
    let code = person.totp.code_at(world.now());
    sign_in::by_totp(context, &cookie, &code, None)
        .await
        .unwrap();
    let cookie = password(&world, PASSWORD, None).await.unwrap();
    let replayed = sign_in::by_totp(context, &cookie, &code, None).await;
    assert!(matches!(replayed, Err(SignInError::FactorRefused)));
    // Nor does an earlier one come back.
    let earlier = person.totp.code_at(world.now().plus_seconds(-30));
    let replayed = sign_in::by_totp(context, &cookie, &earlier, None).await;
    assert!(matches!(replayed, Err(SignInError::FactorRefused)));
}

#[tokio::test]
async fn a_recovery_code_is_used_once() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    let context = context(&world);
    let cookie = password(&world, PASSWORD, None).await.unwrap();
    let typed = person.recovery_codes[3].to_lowercase().replace('-', " ");
    let signed_in = sign_in::by_recovery_code(context, &cookie, &typed, None)
        .await
        .unwrap();
    assert_eq!(signed_in.recovery_codes_left, 9);
    let cookie = password(&world, PASSWORD, None).await.unwrap();
    let again = sign_in::by_recovery_code(context, &cookie, &typed, None).await;
    assert!(matches!(again, Err(SignInError::FactorRefused)));
    assert_eq!(world.rows("recovery_code"), 9);
}

#[tokio::test]
async fn a_sign_in_has_five_tries_and_five_minutes() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    let context = context(&world);
    world.clock.advance(MINUTE);
    let cookie = password(&world, PASSWORD, None).await.unwrap();
    for _ in 0..5 {
        let wrong = sign_in::by_totp(context, &cookie, "000000", None).await;
        assert!(matches!(wrong, Err(SignInError::FactorRefused)));
        world.clock.advance(2);
    }
    let code = person.totp.code_at(world.now());
    let late = sign_in::by_totp(context, &cookie, &code, None).await;
    assert!(matches!(late, Err(SignInError::Expired)));
    // The password again brings five more, and the wait that five wrong ones cost.
    let cookie = password(&world, PASSWORD, None).await.unwrap();
    world.clock.advance(4);
    assert!(
        sign_in::by_totp(context, &cookie, "000000", None)
            .await
            .is_err()
    );
    let soon = sign_in::by_totp(context, &cookie, &code, None).await;
    assert!(matches!(soon, Err(SignInError::Wait { .. })));
    world.clock.advance(5 * MINUTE);
    let code = person.totp.code_at(world.now());
    let late = sign_in::by_totp(context, &cookie, &code, None).await;
    assert!(matches!(late, Err(SignInError::Expired)));
}

#[tokio::test]
async fn an_outsider_s_thousand_tries_keep_nobody_out() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    let context = context(&world);
    world.clock.advance(MINUTE);
    let before = context.sign_in.password_hashes();
    let mut waits = 0;
    for i in 0..1_000 {
        let guess = format!("guess number {i} of many");
        // With a device cookie of their own making, or with none.
        let (first, rest) = person.device_cookie.split_at(1);
        let forged = format!("{}{rest}", if first == "A" { "B" } else { "A" });
        let device = (i % 2 == 0).then_some(forged.as_str());
        let refused = password(&world, &guess, device).await.unwrap_err();
        waits += i32::from(matches!(refused, SignInError::Wait { .. }));
    }
    assert_eq!(waits, 995);
    assert_eq!(context.sign_in.password_hashes() - before, 5);
    // The owner at their own machine: in at once. Elsewhere: waits with the outsider, or is invited.
    let device = Some(person.device_cookie.as_str());
    let session = whole_sign_in(&world, &person, device).await;
    assert!(is_signed_in(&world, &session).await);
    let elsewhere = password(&world, PASSWORD, None).await;
    assert!(matches!(elsewhere, Err(SignInError::Wait { .. })));
    let ticket = invited_again(&world, &person.officer_id).await;
    world.clock.advance(MINUTE);
    accept(&world, &ticket).await;
    // The trust in earlier devices went with the rest.
    world.clock.advance(MINUTE);
    let wrong = password(&world, "wrong on purpose", device).await;
    assert!(matches!(wrong, Err(SignInError::Refused)));
    let shared = password(&world, PASSWORD, device).await;
    assert!(matches!(shared, Err(SignInError::Wait { .. })));
}

#[tokio::test]
async fn a_session_ends_when_idle_when_old_and_when_told() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    let context = context(&world);
    for _ in 0..20 {
        world.clock.advance(29 * MINUTE);
        assert!(is_signed_in(&world, &person.session).await);
    }
    // Ten hours less 20 minutes; then it is old, however busy.
    world.clock.advance(20 * MINUTE);
    assert!(!is_signed_in(&world, &person.session).await);

    let idle = whole_sign_in(&world, &person, None).await;
    world.clock.advance(30 * MINUTE);
    assert!(!is_signed_in(&world, &idle).await);

    let told = whole_sign_in(&world, &person, None).await;
    let (actor, session) = sign_in::actor_of_session(context, &told)
        .await
        .unwrap()
        .unwrap();
    assert!(session.ticket.is_form_token(&session.ticket.form_token()));
    sign_in::end_session(context, &actor, &session)
        .await
        .unwrap();
    assert!(!is_signed_in(&world, &told).await);

    world.clock.advance(MINUTE);
    let one = whole_sign_in(&world, &person, None).await;
    world.clock.advance(MINUTE);
    let other = whole_sign_in(&world, &person, None).await;
    let listed = sign_in::own_sessions(context, &actor).await.unwrap();
    assert_eq!(listed.len(), 2, "those that have ended are not listed");
    let ended =
        sign_in::end_own_sessions(context, &actor, &session, Some(&listed[1].session_id)).await;
    assert_eq!(ended.unwrap(), 1);
    assert!(!is_signed_in(&world, &one).await);
    assert!(is_signed_in(&world, &other).await);
    let admin = administrator(&world).await;
    sign_in::end_sessions_of(context, &admin, &person.officer_id)
        .await
        .unwrap();
    assert!(!is_signed_in(&world, &other).await);
    for nonsense in ["", "x", "A".repeat(43).as_str()] {
        assert!(!is_signed_in(&world, nonsense).await);
    }
}

#[tokio::test]
async fn looking_often_writes_seldom() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    let context = context(&world);
    let seen = async || {
        let sessions = context
            .store
            .sessions(person.officer_id.clone())
            .await
            .unwrap();
        sessions[0].last_seen_at
    };
    let began = seen().await;
    world.clock.advance(59);
    assert!(is_signed_in(&world, &person.session).await);
    assert_eq!(seen().await, began);
    world.clock.advance(1);
    assert!(is_signed_in(&world, &person.session).await);
    assert_eq!(seen().await, world.now());
}

#[tokio::test]
async fn deactivation_ends_sessions_and_all_that_is_under_way_at_once() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    let context = context(&world);
    world.clock.advance(MINUTE);
    let pending = password(&world, PASSWORD, None).await.unwrap();
    let ticket = invited_again(&world, &person.officer_id).await;
    let enrolling = sign_in::choose_password(context, &ticket, PASSWORD)
        .await
        .unwrap();
    deactivate(&world, &person.officer_id).await;

    assert!(!is_signed_in(&world, &person.session).await);
    let code = person.totp.code_at(world.now());
    let refused = sign_in::by_totp(context, &pending, &code, None).await;
    assert!(matches!(refused, Err(SignInError::Expired)));
    let code = enrolling.totp.code_at(world.now());
    let refused = sign_in::confirm_totp(context, &enrolling.ticket.reveal(), &code, None).await;
    assert!(matches!(refused, Err(SignInError::Expired)));
    let refused = password(&world, PASSWORD, Some(&person.device_cookie)).await;
    assert!(matches!(refused, Err(SignInError::Refused)));
    for table in [
        "enrolment",
        "password",
        "totp",
        "recovery_code",
        "pending_sign_in",
        "session",
    ] {
        assert_eq!(world.rows(table), 0, "{table}");
    }
}

#[tokio::test]
async fn a_passkey_signs_in_where_it_was_made_for() {
    let world = World::new().await;
    let context = context(&world);
    let origin = world.settings.portal_origin.origin().ascii_serialization();
    let (_, ticket) = invited(&world).await;
    let enrolling = sign_in::choose_password(context, &ticket, PASSWORD)
        .await
        .unwrap();
    let cookie = enrolling.ticket.reveal();
    let mut phishing = Authenticator::new("https://portal.example", [1; 16]);
    let mut own = Authenticator::new(&origin, [2; 16]);
    let unasked = sign_in::finish_passkey(context, &cookie, "key", "{}", None).await;
    assert!(matches!(unasked, Err(SignInError::Expired)));
    let options = sign_in::start_passkey(context, &cookie).await.unwrap();
    let answer = phishing.create(&options);
    let refused = sign_in::finish_passkey(context, &cookie, "key", &answer, None).await;
    assert!(matches!(refused, Err(SignInError::Passkey)));
    // That question is used up.
    let answer = own.create(&options);
    let refused = sign_in::finish_passkey(context, &cookie, "key", &answer, None).await;
    assert!(matches!(refused, Err(SignInError::Expired)));
    let options = sign_in::start_passkey(context, &cookie).await.unwrap();
    let answer = own.create(&options);
    let accepted = sign_in::finish_passkey(context, &cookie, "key", &answer, None)
        .await
        .unwrap();

    let pending = sign_in::start_sign_in(context, NAME, PASSWORD, None)
        .await
        .unwrap();
    assert_eq!((pending.totp, pending.passkey), (false, true));
    let cookie = pending.ticket.reveal();
    let options = sign_in::start_by_passkey(context, &cookie).await.unwrap();
    let mut stranger = Authenticator::new(&origin, [2; 16]);
    let answer = stranger.get(&options);
    let refused = sign_in::by_passkey(context, &cookie, &answer, None).await;
    assert!(matches!(refused, Err(SignInError::FactorRefused)));
    let options = sign_in::start_by_passkey(context, &cookie).await.unwrap();
    let answer = own.get(&options);
    let signed_in = sign_in::by_passkey(context, &cookie, &answer, None)
        .await
        .unwrap();
    let session = signed_in.ticket.reveal();
    // The same answer once more.
    let cookie = password(&world, PASSWORD, None).await.unwrap();
    drop(sign_in::start_by_passkey(context, &cookie).await.unwrap());
    let replayed = sign_in::by_passkey(context, &cookie, &answer, None).await;
    assert!(matches!(replayed, Err(SignInError::FactorRefused)));

    // The only second factor stays; beside an app it can go.
    let (actor, _) = sign_in::actor_of_session(context, &session)
        .await
        .unwrap()
        .unwrap();
    let factors = sign_in::own_factors(context, &actor).await.unwrap();
    let (passkey_id, label, _) = &factors.passkeys[0];
    assert_eq!(label, "key");
    let refused = sign_in::remove_passkey(context, &actor, passkey_id, PASSWORD).await;
    assert!(matches!(refused, Err(SignInError::NotRemoved)));
    let wrong = sign_in::start_replace_totp(context, &actor, "wrong").await;
    assert!(matches!(wrong, Err(SignInError::Refused)));
    let (totp, state) = sign_in::start_replace_totp(context, &actor, PASSWORD)
        .await
        .unwrap();
    let code = totp.code_at(world.now());
    for forged in ["", "x", &state[1..]] {
        let refused = sign_in::replace_totp(context, &actor, forged, &code).await;
        assert!(matches!(refused, Err(SignInError::Expired)));
    }
    sign_in::replace_totp(context, &actor, &state, &code)
        .await
        .unwrap();
    sign_in::remove_passkey(context, &actor, passkey_id, PASSWORD)
        .await
        .unwrap();
    // And another one comes.
    let asked = sign_in::start_add_passkey(context, &actor, PASSWORD)
        .await
        .unwrap();
    let mut second = Authenticator::new(&origin, [3; 16]);
    let answer = second.create(&asked.0);
    world.clock.advance(5 * MINUTE);
    let late = sign_in::add_passkey(context, &actor, &asked.1, "phone", &answer).await;
    assert!(matches!(late, Err(SignInError::Expired)));
    let asked = sign_in::start_add_passkey(context, &actor, PASSWORD)
        .await
        .unwrap();
    let answer = second.create(&asked.0);
    sign_in::add_passkey(context, &actor, &asked.1, "phone", &answer)
        .await
        .unwrap();
    // Old recovery codes go with new ones.
    let codes = sign_in::make_recovery_codes(context, &actor, PASSWORD)
        .await
        .unwrap();
    assert_eq!((codes.len(), world.rows("recovery_code")), (10, 10));
    let cookie = password(&world, PASSWORD, None).await.unwrap();
    let old = accepted.recovery_codes[0].reveal();
    let refused = sign_in::by_recovery_code(context, &cookie, &old, None).await;
    assert!(matches!(refused, Err(SignInError::FactorRefused)));
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    let context = context(&world);
    world.clock.advance(MINUTE);
    let other = whole_sign_in(&world, &person, None).await;
    let under_way = password(&world, PASSWORD, None).await.unwrap();
    let found = sign_in::actor_of_session(context, &person.session).await;
    let (actor, session) = found.unwrap().unwrap();
    let device = Some(person.device_cookie.as_str());
    let to = async |typed, chosen| {
        sign_in::change_password(context, &actor, &session, typed, chosen, device).await
    };
    let chosen = "sáng nay trời mưa to";
    assert!(matches!(
        to("wrong", chosen).await,
        Err(SignInError::Refused)
    ));
    assert!(matches!(
        to(PASSWORD, "123456789012").await,
        Err(SignInError::Password(PasswordFault::Common))
    ));
    let cookie = to(PASSWORD, chosen).await.unwrap();
    assert_ne!(cookie, person.device_cookie);
    assert!(is_signed_in(&world, &person.session).await);
    assert!(!is_signed_in(&world, &other).await);
    world.clock.advance(MINUTE);
    let code = person.totp.code_at(world.now());
    let refused = sign_in::by_totp(context, &under_way, &code, None).await;
    assert!(matches!(refused, Err(SignInError::Expired)));
    assert!(password(&world, PASSWORD, None).await.is_err());
    assert!(password(&world, chosen, None).await.is_ok());
}

/// Who has a stolen password and no second factor cannot push the owner's sign-in out, nor use up its tries.
#[tokio::test]
async fn a_stolen_password_keeps_its_owner_out_of_nothing() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    let context = context(&world);
    world.clock.advance(MINUTE);
    let device = Some(person.device_cookie.as_str());
    let own = password(&world, PASSWORD, device).await.unwrap();
    let mut thief = String::new();
    for _ in 0..20 {
        thief = password(&world, PASSWORD, None).await.unwrap();
    }
    assert_eq!(world.rows("pending_sign_in"), 9);
    for _ in 0..5 {
        assert!(
            sign_in::by_totp(context, &thief, "000000", None)
                .await
                .is_err()
        );
    }
    let code = person.totp.code_at(world.now());
    let stolen = password(&world, PASSWORD, None).await.unwrap();
    let refused = sign_in::by_totp(context, &stolen, &code, None).await;
    assert!(matches!(refused, Err(SignInError::Wait { .. })));
    assert!(sign_in::by_totp(context, &own, &code, device).await.is_ok());
    let rows = world.audit_rows().await;
    let told = rows
        .iter()
        .find(|row| row.action == Action::SignInRefused.name());
    assert_eq!(told.unwrap().subject, "second-factor");
}

#[tokio::test]
async fn nothing_that_signs_in_is_in_the_database() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    world.clock.advance(MINUTE);
    let pending = password(&world, PASSWORD, None).await.unwrap();
    let ticket = invited_again(&world, &person.officer_id).await;
    let enrolling = sign_in::choose_password(context(&world), &ticket, PASSWORD)
        .await
        .unwrap();
    let mut kept = std::fs::read(world.database()).unwrap();
    kept.extend(std::fs::read(world.database().with_extension("db-wal")).unwrap_or_default());
    assert!(holds(&kept, b"hotline-1"), "looked at the right files");

    let base64 = |text: &str| {
        data_encoding::BASE64URL_NOPAD
            .decode(text.as_bytes())
            .unwrap()
    };
    let base32 = |text: &str| data_encoding::BASE32_NOPAD.decode(text.as_bytes()).unwrap();
    let enrolment = enrolling.ticket.reveal();
    let mut secrets = vec![PASSWORD.as_bytes().to_vec()];
    for ticket in [&person.session, &pending, &ticket, &*enrolment] {
        secrets.push(ticket.as_bytes().to_vec());
        secrets.push(base64(ticket));
    }
    for totp in [&person.totp, &enrolling.totp] {
        secrets.push(totp.base32().as_bytes().to_vec());
        secrets.push(base32(&totp.base32()));
    }
    for code in &person.recovery_codes {
        secrets.push(code.as_bytes().to_vec());
        secrets.push(code.replace('-', "").into_bytes());
    }
    for secret in secrets {
        assert!(!holds(&kept, &secret), "{secret:?}");
    }
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[tokio::test]
async fn every_step_is_in_the_audit_and_a_guesser_cannot_fill_it() {
    let world = World::new().await;
    let context = context(&world);
    let person = enrolled(&world).await;
    let (actor, session) = sign_in::actor_of_session(context, &person.session)
        .await
        .unwrap()
        .unwrap();
    sign_in::end_session(context, &actor, &session)
        .await
        .unwrap();
    let cookie = password(&world, PASSWORD, None).await.unwrap();
    let code = &person.recovery_codes[0];
    sign_in::by_recovery_code(context, &cookie, code, None)
        .await
        .unwrap();
    sign_in::end_own_sessions(context, &actor, &session, None)
        .await
        .unwrap();
    // Nothing to end, nothing to tell.
    sign_in::end_own_sessions(context, &actor, &session, None)
        .await
        .unwrap();
    for _ in 0..60 {
        assert!(password(&world, "wrong", None).await.is_err());
        assert!(
            sign_in::start_sign_in(context, "nobody@VN", "x", None)
                .await
                .is_err()
        );
        world.clock.advance(MINUTE);
    }
    deactivate(&world, &person.officer_id).await;

    let rows = world.audit_rows().await;
    let of_account: Vec<_> = rows
        .iter()
        .filter(|row| {
            row.subject == person.officer_id || row.officer_id.as_ref() == Some(&person.officer_id)
        })
        .map(|row| {
            (
                row.action.as_str(),
                row.subject.replace(&person.officer_id, "them"),
            )
        })
        .collect();
    let expected = [
        (Action::OfficerAdded, "them"),
        (Action::InvitationIssued, "them"),
        (Action::InvitationAccepted, ""),
        (Action::TotpSet, ""),
        (Action::RecoveryCodesMade, ""),
        (Action::SignedIn, "invitation"),
        (Action::SignedOut, ""),
        (Action::RecoveryCodeUsed, ""),
        (Action::SignedIn, "recovery-code"),
        (Action::SessionsEnded, "them"),
        (Action::SignInRefused, "password"),
        (Action::SignInRefused, "password"),
        (Action::OfficerDeactivated, "them"),
    ];
    let expected: Vec<_> = expected
        .map(|(action, subject)| (action.name(), subject.to_owned()))
        .into();
    assert_eq!(of_account, expected);
    // The two officers that every world begins with have a row and an invitation each.
    assert_eq!(rows.len(), expected.len() + 4);
}

#[tokio::test]
async fn what_has_run_out_is_forgotten() {
    let world = World::new().await;
    let person = enrolled(&world).await;
    let context = context(&world);
    let ticket = invited_again(&world, &person.officer_id).await;
    sign_in::choose_password(context, &ticket, PASSWORD)
        .await
        .unwrap();
    password(&world, PASSWORD, None).await.unwrap();
    retention::run(context).await.unwrap();
    // The two officers that every world begins with are invited too.
    let rows = |world: &World| {
        ["invitation", "enrolment", "pending_sign_in", "session"].map(|table| world.rows(table))
    };
    assert_eq!(rows(&world), [3, 1, 1, 1]);
    world.clock.advance(HOUR);
    retention::run(context).await.unwrap();
    assert_eq!(rows(&world), [3, 0, 0, 0]);
    world.clock.advance(8 * 24 * HOUR);
    retention::run(context).await.unwrap();
    assert_eq!(rows(&world), [0, 0, 0, 0]);
    // Who is enrolled stays so.
    assert_eq!(world.rows("password"), 1);
}
