//! Signing in: a token is shown once, and a cookie made from it stands for it until it expires.
//!
//! Nothing is kept on the server. The cookie is the operator's name and a time, with a MAC under
//! their token: whoever loses the token loses every session of theirs. Forms carry a MAC of the
//! cookie, which no other site can know.

use axum::http::{HeaderMap, header};
use domain::signature::HmacScheme;
use domain::time::{Millis, Timestamp};
use subtle::ConstantTimeEq as _;

use crate::admin::keyring::{Keyring, Operator};

/// The cookie's name.
const COOKIE: &str = "payhook_session";

/// How long one has not to sign in again: a working day.
const LIFETIME: Millis = Millis::from_secs(12 * 60 * 60);

/// How long a link of `payhook dashboard` opens the door.
const TICKET_LIFETIME: Millis = Millis::from_secs(60);

/// Somebody who has signed in.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// Who.
    pub(crate) operator: Operator,
    /// What their forms carry.
    pub(super) form_token: String,
}

/// What a MAC is for: one made for one purpose is worth nothing for another.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Session,
    Form,
    Ticket,
}

/// The header that signs `operator` in.
pub(super) fn cookie(operator: &Operator, now: Timestamp) -> String {
    let value = pass(Purpose::Session, operator, now.after(LIFETIME));
    let seconds = LIFETIME.get() / 1000;
    format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict")
}

/// The header that signs out.
pub(super) fn no_cookie() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
}

/// What a link may carry instead of a token, for a minute.
pub(crate) fn ticket(operator: &Operator, now: Timestamp) -> String {
    pass(Purpose::Ticket, operator, now.after(TICKET_LIFETIME))
}

/// Who a ticket is of.
pub(super) fn of_ticket<'a>(
    keyring: &'a Keyring,
    ticket: &str,
    now: Timestamp,
) -> Option<&'a Operator> {
    holder(Purpose::Ticket, keyring, ticket, now)
}

/// Who sends these headers.
pub(super) fn visitor(keyring: &Keyring, headers: &HeaderMap, now: Timestamp) -> Option<Visitor> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let mut values = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE);
    // Another program on the same host may have set one of the same name.
    let (value, operator) = values.find_map(|(_, value)| {
        let operator = holder(Purpose::Session, keyring, value, now)?;
        Some((value, operator))
    })?;
    Some(Visitor {
        form_token: mac(Purpose::Form, operator, value),
        operator: operator.clone(),
    })
}

impl Visitor {
    /// Whether a form was made for this session.
    pub(super) fn sent(&self, form_token: &str) -> bool {
        form_token
            .as_bytes()
            .ct_eq(self.form_token.as_bytes())
            .into()
    }
}

fn pass(purpose: Purpose, operator: &Operator, end: Timestamp) -> String {
    let claim = format!("{}.{}", operator.name, end.as_millis());
    let mac = mac(purpose, operator, &claim);
    format!("{claim}.{mac}")
}

fn holder<'a>(
    purpose: Purpose,
    keyring: &'a Keyring,
    pass: &str,
    now: Timestamp,
) -> Option<&'a Operator> {
    let (claim, claimed) = pass.rsplit_once('.')?;
    let (name, end) = claim.rsplit_once('.')?;
    let operator = keyring.by_name(name)?;
    let is_right = mac(purpose, operator, claim)
        .as_bytes()
        .ct_eq(claimed.as_bytes());
    let is_in_time = now < Timestamp::from_millis(end.parse().ok()?);
    (bool::from(is_right) && is_in_time).then_some(operator)
}

fn mac(purpose: Purpose, operator: &Operator, text: &str) -> String {
    let purpose = match purpose {
        Purpose::Session => "payhook session\n",
        Purpose::Form => "payhook form\n",
        Purpose::Ticket => "payhook ticket\n",
    };
    // HMAC-SHA-256 in hex.
    let scheme = HmacScheme::plain("cookie");
    scheme.sign_body(
        operator.token.expose(),
        format!("{purpose}{text}").as_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use domain::secret::Secret;

    use super::*;
    use crate::admin::keyring::Role;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn operator(name: &str, token: &str) -> Operator {
        Operator {
            name: name.to_owned(),
            role: Role::Read,
            token: Secret::new(name, token),
        }
    }

    fn keyring() -> Keyring {
        Keyring::new(vec![operator("ana", "one"), operator("bo", "two")])
    }

    fn who(cookie: &str, now: Timestamp) -> Option<Visitor> {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        visitor(&keyring(), &headers, now)
    }

    fn value_of(cookie: &str) -> &str {
        cookie.split(';').next().unwrap()
    }

    #[test]
    fn a_cookie_is_its_operators_until_it_expires() {
        let cookie = cookie(&operator("ana", "one"), NOW);
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
        let value = value_of(&cookie);
        let found = who(&format!("other=1; {COOKIE}=x; {value}"), NOW).unwrap();
        assert_eq!(found.operator.name, "ana");
        let end = NOW.after(LIFETIME);
        let last = Timestamp::from_millis(end.as_millis() - 1);
        assert!(who(value, last).is_some());
        assert!(who(value, end).is_none());
    }

    #[test]
    fn what_was_made_for_another_purpose_person_or_token_is_worth_nothing() {
        let ana = operator("ana", "one");
        let value = cookie(&ana, NOW);
        let value = value_of(&value);
        for wrong in [
            value.replace("ana", "bo"),
            value.replacen("=ana.", "=ana.9", 1),
            format!("{value}0"),
            format!("{COOKIE}={}", ticket(&ana, NOW)),
            format!("{COOKIE}=ana.9999999999999."),
            format!("{COOKIE}="),
        ] {
            assert!(who(&wrong, NOW).is_none(), "{wrong}");
        }
        let other = cookie(&operator("ana", "another"), NOW);
        assert!(who(value_of(&other), NOW).is_none());
        let pass = value.split_once('=').unwrap().1;
        assert!(of_ticket(&keyring(), pass, NOW).is_none());
        let ticket = ticket(&ana, NOW);
        assert!(of_ticket(&keyring(), &ticket, NOW).is_some());
        let late = NOW.after(TICKET_LIFETIME);
        assert!(of_ticket(&keyring(), &ticket, late).is_none());
    }

    #[test]
    fn a_form_belongs_to_its_session() {
        let mine = cookie(&operator("ana", "one"), NOW);
        let later = cookie(&operator("ana", "one"), Timestamp::from_millis(2_000));
        let (mine, later) = (
            who(value_of(&mine), NOW).unwrap(),
            who(value_of(&later), NOW).unwrap(),
        );
        assert!(mine.sent(&mine.form_token));
        assert!(!mine.sent(&later.form_token));
        assert!(!mine.sent(""));
    }
}
