//! The providers' own SDKs judge what we sign, and sign what we judge.
//!
//! `cargo xtask test --suite crosscheck` installs them. `PAYHOOK_CROSSCHECK_PYTHON` and
//! `PAYHOOK_CROSSCHECK_NODE` are the interpreters that the two scripts in `crosscheck/` run in;
//! without one of them, its test says so. What the scripts are asked, `crosscheck/README.md` says.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and says what it has checked"
)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "most providers are alike, and a new one is meant to be"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::currency::Currency;
use domain::money::Amount;
use domain::providers::{Occasion, Provider, ProviderId, Settings, Story};
use domain::secret::Secret;
use domain::signature::{Certificate, Draft, Scheme, Signed};
use domain::source::SourceName;
use domain::time::Timestamp;
use serde_json::{Value, json};

/// Where the SDKs' clocks stand, and ours.
const NOW: Timestamp = Timestamp::from_millis(1_795_418_923_456);

/// Longest wait for one answer; the first from an SDK loads it.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// What Square signs.
const URL: &str = "https://pay.example/webhooks/square";

/// A pair made for tests, a certificate of its public half, and another pair's public halves.
const PRIVATE_KEY: &str = include_str!("../src/providers/tests/rsa_private.pem");
const PUBLIC_KEY: &str = include_str!("../src/providers/tests/rsa_public.pem");
const CERTIFICATE: &str = include_str!("../../../crosscheck/keys/certificate.pem");
const OTHER_PUBLIC_KEY: &str = include_str!("../../../crosscheck/keys/other_public.pem");
const OTHER_CERTIFICATE: &str = include_str!("../../../crosscheck/keys/other_certificate.pem");

/// Fewest SDKs that each script is known to have: fewer would mean that this test has gone blind.
const PYTHON_SDKS_MIN: usize = 21;
const NODE_SDKS_MIN: usize = 19;

/// Where an SDK refuses what is genuine, and is wrong: the SDK, the case, and why. Each must still
/// be so, or it is to be taken out.
const DIFFERENCES: [(&str, &str, &str); 1] = [(
    "mercado-pago",
    UPPER_CASE_ID,
    "the documentation signs data.id in lower case; the SDKs take it as it stands. We take both",
)];

const UPPER_CASE_ID: &str = "an id in upper case, signed as documented";

#[test]
fn python_sdks_and_we_agree() {
    let found = std::env::var_os("PAYHOOK_CROSSCHECK_PYTHON");
    cross_check("python", found, "python/sdks.py", PYTHON_SDKS_MIN);
}

#[test]
fn node_sdks_and_we_agree() {
    let found = std::env::var_os("PAYHOOK_CROSSCHECK_NODE");
    cross_check("node", found, "node/sdks.mjs", NODE_SDKS_MIN);
}

fn cross_check(
    language: &str,
    interpreter: Option<std::ffi::OsString>,
    script: &str,
    sdks_min: usize,
) {
    let Some(interpreter) = interpreter else {
        println!(
            "the {language} SDKs were not asked: `cargo xtask test --suite crosscheck` asks them"
        );
        return;
    };
    let script = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../crosscheck")).join(script);
    let mut sdks = Sdks::start(Path::new(&interpreter), &script);
    let listed = sdks.listed.clone();
    assert!(listed.len() >= sdks_min, "only {} SDKs", listed.len());
    let (mut report, mut wrong, mut total) = (String::new(), Vec::new(), 0);
    for (provider, sdk) in &listed {
        let mut check = Check::new(provider, &mut sdks);
        let of_ours = check.of_ours();
        let signs = sdk["signs"] == true;
        let of_theirs = if signs {
            check.of_theirs()
        } else {
            Tally::default()
        };
        if of_ours.genuine == 0 || (signs && of_theirs.genuine == 0) {
            check
                .wrong
                .push(format!("{provider}: one way has no check"));
        }
        let name = sdk["sdk"].as_str().unwrap();
        writeln!(report, "{provider:<18} {name:<32} {of_ours} {of_theirs}").unwrap();
        for (_, case, why) in DIFFERENCES.iter().filter(|(sdk, ..)| sdk == provider) {
            writeln!(report, "{:<18} refuses {case}: {why}", "").unwrap();
        }
        total += of_ours.checks() + of_theirs.checks();
        wrong.append(&mut check.wrong);
    }
    // Written at once: the other language's test writes too. `xtask` reads the last line.
    println!(
        "\n{:<18} {:<32} {:<27} {:<27}\n{:<18} {:<32} {TALLY_HEADER} {TALLY_HEADER}\n{report}\
         cross-check with {language}: {total} checks, {} failed",
        "",
        "",
        "signed by us",
        "signed by them",
        "provider",
        "sdk",
        wrong.len(),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// --- What is checked ------------------------------------------------------------------------------

/// How many verdicts of both sides were as they must be.
#[derive(Default)]
struct Tally {
    /// Accepted by both.
    genuine: u32,
    /// Refused by both: something that is signed is another.
    tampered: u32,
    /// Refused by both: under another secret.
    wrong_secret: u32,
}

const TALLY_HEADER: &str = "genuine tampered wrong-key";

impl Tally {
    fn checks(&self) -> u32 {
        self.genuine + self.tampered + self.wrong_secret
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.checks() == 0 {
            return write!(formatter, "{:>26}", "has no signer");
        }
        let (genuine, tampered, wrong) = (self.genuine, self.tampered, self.wrong_secret);
        write!(formatter, "{genuine:>7} {tampered:>8} {wrong:>9}")
    }
}

/// One SDK and our provider.
struct Check<'a> {
    sdk: &'a str,
    id: ProviderId,
    sdks: &'a mut Sdks,
    right: Key,
    wrong: Vec<String>,
}

impl<'a> Check<'a> {
    fn new(sdk: &'a str, sdks: &'a mut Sdks) -> Self {
        // Svix is whose scheme Standard Webhooks is, and one provider here.
        let name = if sdk == "svix" {
            "standard-webhooks"
        } else {
            sdk
        };
        let id = ProviderId::parse(name).unwrap_or_else(|| panic!("{sdk} is no provider of ours"));
        Self {
            sdk,
            id,
            sdks,
            right: Key::right(id),
            wrong: Vec::new(),
        }
    }

    /// Signed as `payhook trigger` does.
    fn of_ours(&mut self) -> Tally {
        let mut tally = Tally::default();
        for case in cases(self.id) {
            let mut scheme = self.right.provider(self.id).scheme().clone();
            if let Scheme::Hmac(hmac) = &mut scheme {
                hmac.signed.rotate_left(case.way);
            }
            let signed = scheme.sign(case.draft, &self.right.signing, NOW);
            let signed =
                signed.unwrap_or_else(|error| panic!("{} {}: {error}", self.sdk, case.name));
            let name = format!("{} {}, signed by us", self.sdk, case.name);
            if is_difference(self.sdk, case.name) {
                let right = self.right.clone();
                self.ours(true, &name, &signed, &right);
                self.theirs(false, &name, &signed, &right);
            } else {
                self.judge(&mut tally, &name, &signed, &case.payment_id);
            }
        }
        tally
    }

    /// Signed as the SDK does.
    fn of_theirs(&mut self) -> Tally {
        let mut tally = Tally::default();
        for case in cases(self.id) {
            let name = format!("{} {}, signed by them", self.sdk, case.name);
            let request = json!({
                "do": "sign", "provider": self.sdk, "secret": self.right.theirs, "url": URL,
                "body": STANDARD.encode(&case.draft.body), "now": seconds(),
            });
            let answer = self.sdks.ask(&request);
            let Some(made) = answer["headers"].as_object() else {
                self.wrong.push(format!("{name}: {answer}"));
                continue;
            };
            let mut headers = case.draft.headers;
            headers.retain(|(name, _)| !made.contains_key(name));
            headers.extend(
                made.iter()
                    .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())),
            );
            let signed = Signed {
                headers,
                query: case.draft.query,
                body: STANDARD
                    .decode(answer["body"].as_str().unwrap())
                    .unwrap()
                    .into(),
            };
            self.judge(&mut tally, &name, &signed, &case.payment_id);
        }
        tally
    }

    /// Both sides on the delivery as it is, tampered with, and under other secrets.
    fn judge(&mut self, tally: &mut Tally, name: &str, signed: &Signed, payment_id: &str) {
        let right = self.right.clone();
        tally.genuine += self.both(true, name, signed, &right);
        let tampered = tampered(self.id, signed, payment_id);
        let words = format!("{name}, tampered with");
        tally.tampered += self.both(false, &words, &tampered, &right);
        for wrong in right.others(self.id) {
            let words = format!("{name}, under another {}", wrong.differs_in);
            tally.wrong_secret += self.both(false, &words, signed, &wrong);
        }
    }

    /// How many of the two verdicts are the expected one.
    fn both(&mut self, expected: bool, name: &str, signed: &Signed, key: &Key) -> u32 {
        let ours = self.ours(expected, name, signed, key);
        let theirs = self.theirs(expected, name, signed, key);
        u32::from(ours) + u32::from(theirs)
    }

    /// Whether our verdict is the expected one.
    fn ours(&mut self, expected: bool, name: &str, signed: &Signed, key: &Key) -> bool {
        let found = key
            .provider(self.id)
            .verify(
                signed.delivery(SourceName::generic(), NOW),
                core::slice::from_ref(&key.verifying),
            )
            .map_err(|(refusal, _)| refusal);
        let agrees = found.is_ok() == expected;
        if !agrees {
            let line = format!("{name}: we say {found:?}\n{signed:?}");
            self.wrong.push(line);
        }
        agrees
    }

    /// Whether the SDK's verdict is the expected one. An `error` is no verdict, and never is.
    fn theirs(&mut self, expected: bool, name: &str, signed: &Signed, key: &Key) -> bool {
        let headers: BTreeMap<_, _> = signed.headers.iter().cloned().collect();
        assert_eq!(
            headers.len(),
            signed.headers.len(),
            "{name}: a header twice"
        );
        let found = self.sdks.ask(&json!({
            "do": "verify", "provider": self.sdk, "secret": key.theirs, "url": URL,
            "webhookId": key.webhook_id, "headers": headers,
            "body": STANDARD.encode(&signed.body), "query": signed.query, "now": seconds(),
        }));
        let agrees = found["valid"] == expected;
        if !agrees {
            let line = format!("{name}: they say {found}\n{signed:?}");
            self.wrong.push(line);
        }
        agrees
    }
}

fn is_difference(sdk: &str, case: &str) -> bool {
    DIFFERENCES
        .iter()
        .any(|(of, name, _)| (*of, *name) == (sdk, case))
}

fn seconds() -> i64 {
    NOW.as_millis() / 1000
}

// --- The deliveries -------------------------------------------------------------------------------

struct Case {
    name: &'static str,
    draft: Draft,
    payment_id: String,
    /// In which of the ways that the provider is known to sign in.
    way: usize,
}

/// A sample of every occasion, and what is awkward to sign.
fn cases(id: ProviderId) -> Vec<Case> {
    let mut cases: Vec<Case> = Occasion::ALL
        .into_iter()
        .filter_map(|occasion| case(id, occasion))
        .collect();
    // Not everybody captures: Wise's transfers pay out.
    let mut any = [Occasion::Captured].into_iter().chain(Occasion::ALL);
    let mut awkward = any.find_map(|occasion| case(id, occasion)).unwrap();
    awkward.name = "awkward";
    awkward.draft.body = awkward_body(id, str::from_utf8(&awkward.draft.body).unwrap()).into();
    cases.push(awkward);
    if id == ProviderId::MercadoPago {
        cases.extend(
            [(UPPER_CASE_ID, 0), ("an id in upper case, as it stands", 1)].map(upper_case_id),
        );
    }
    cases
}

fn case(id: ProviderId, occasion: Occasion) -> Option<Case> {
    let sample = (id.spec().sample)(&Story {
        occasion,
        event: "1a2b3c4d5e6f7a8b".into(),
        payment: "9f8e7d6c5b4a3210".into(),
        amount: Amount::parse("12.34").unwrap(),
        currency: Currency::parse("EUR").unwrap(),
        at: NOW,
        live: false,
    })?;
    Some(Case {
        name: occasion.as_str(),
        draft: sample.draft,
        payment_id: sample.payment_id,
        way: 0,
    })
}

/// Text beyond ASCII, escapes that parsing would undo, and a line break at the end; where only some
/// fields are signed, in one of those.
fn awkward_body(id: ProviderId, body: &str) -> String {
    match id {
        ProviderId::Adyen => insert(
            body,
            r#""merchantReference":""#,
            r"Stra\u00dfe:1 東京 \/ \\ ",
        ),
        ProviderId::Braintree => insert(body, "<subject>", "<note>Straße 東京 💶 &amp;</note>"),
        _ => insert(body, "{", r#""note":"Straße 東京 💶 \u00e9 \/ &<>", "#) + "\n",
    }
}

/// An order's, of Mercado Pago.
fn upper_case_id((name, way): (&'static str, usize)) -> Case {
    let mut case = case(ProviderId::MercadoPago, Occasion::Captured).unwrap();
    case.payment_id = "ORD01J49MMW3SSBK5PSV3DFR32959".into();
    case.draft.query = Some(format!("data.id={}&type=order", case.payment_id));
    Case { name, way, ..case }
}

fn insert(text: &str, after: &str, what: &str) -> String {
    let (before, rest) = text.split_once(after).unwrap();
    format!("{before}{after}{what}{rest}")
}

/// The same delivery about another payment, under the same signature.
fn tampered(id: ProviderId, signed: &Signed, payment_id: &str) -> Signed {
    // Lemon Squeezy's are made of a type and an id.
    let payment_id = payment_id.rsplit('/').next().unwrap();
    let mut other = payment_id.to_owned();
    let replaced = match other.pop().unwrap() {
        '0' => '1',
        _ => '0',
    };
    other.push(replaced);
    let change = |text: &str| {
        assert!(text.contains(payment_id), "no {payment_id} in {text}");
        text.replace(payment_id, &other)
    };
    let mut tampered = signed.clone();
    match id {
        // Signs nothing of the body.
        ProviderId::MercadoPago => tampered.query = signed.query.as_deref().map(change),
        ProviderId::Braintree => {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (name, value) in form_urlencoded::parse(&signed.body) {
                if name == "bt_payload" {
                    let digits: String = value.split_whitespace().collect();
                    let xml = String::from_utf8(STANDARD.decode(digits).unwrap()).unwrap();
                    form.append_pair(&name, &format!("{}\n", STANDARD.encode(change(&xml))));
                } else {
                    form.append_pair(&name, &value);
                }
            }
            tampered.body = form.finish().into();
        }
        _ => tampered.body = change(str::from_utf8(&signed.body).unwrap()).into(),
    }
    tampered
}

// --- The secrets ----------------------------------------------------------------------------------

/// A source's secret, as each side wants it.
#[derive(Clone)]
struct Key {
    signing: Secret,
    verifying: Secret,
    settings: Settings,
    theirs: String,
    /// PayPal's name of our webhook, which it signs; others have none.
    webhook_id: &'static str,
    /// What is another than in the right one.
    differs_in: &'static str,
}

impl Key {
    fn right(id: ProviderId) -> Self {
        Self::of(id, "")
    }

    /// Those with which nothing must be proved.
    fn others(&self, id: ProviderId) -> Vec<Self> {
        let differences: &[_] = match id {
            ProviderId::Braintree => &["private key", "public key"],
            ProviderId::Paypal => &["certificate", "webhook id"],
            ProviderId::Wise => &["public key"],
            _ => &["secret"],
        };
        differences.iter().map(|name| Self::of(id, name)).collect()
    }

    fn of(id: ProviderId, differs_in: &'static str) -> Self {
        let is = |what| differs_in == what;
        let seed = [0xa5 ^ u8::from(is("secret")); 32];
        let shared = |text: String| (Secret::new("it", text.as_str()), text);
        let mut settings = Settings {
            url: (id == ProviderId::Square).then(|| URL.to_owned()),
            ..Settings::default()
        };
        let webhook_id = ["1JE4291016473214C", "8PT597110X687430L"][usize::from(is("webhook id"))];
        let mut signing = None;
        let (verifying, theirs) = match id {
            ProviderId::Adyen | ProviderId::AdyenPlatform => shared(hex::encode_upper(seed)),
            ProviderId::StandardWebhooks => shared(format!("whsec_{}", STANDARD.encode(seed))),
            ProviderId::Braintree => {
                let public =
                    ["integration_public", "another_public"][usize::from(is("public key"))];
                let private = ["integration_private", "another"][usize::from(is("private key"))];
                let secret = Secret::new("it", private).with_id(public);
                (secret, format!("{public}|{private}"))
            }
            ProviderId::Wise => {
                signing = Some(Secret::new("it", PRIVATE_KEY));
                shared([PUBLIC_KEY, OTHER_PUBLIC_KEY][usize::from(is("public key"))].to_owned())
            }
            ProviderId::Paypal => {
                let other = usize::from(is("certificate"));
                settings
                    .certificates
                    .push(pinned([PUBLIC_KEY, OTHER_PUBLIC_KEY][other]));
                signing = Some(Secret::new("it", format!("{webhook_id}\n{PRIVATE_KEY}")));
                let theirs = [CERTIFICATE, OTHER_CERTIFICATE][other].to_owned();
                (Secret::new("it", webhook_id), theirs)
            }
            _ => shared(format!("sk_test_{}", hex::encode(seed))),
        };
        Self {
            signing: signing.unwrap_or_else(|| verifying.clone()),
            verifying,
            settings,
            theirs,
            webhook_id,
            differs_in,
        }
    }

    fn provider(&self, id: ProviderId) -> Provider {
        Provider::try_new(id, self.settings.clone()).unwrap()
    }
}

/// A certificate that the operator has pinned: its key alone counts.
fn pinned(public_key: &str) -> Certificate {
    let digits: String = public_key
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    Certificate {
        url: String::new(),
        public_key: STANDARD.decode(digits).unwrap(),
        names: Vec::new(),
        not_before: NOW,
        not_after: NOW,
    }
}

// --- The scripts ----------------------------------------------------------------------------------

/// A script that is running, and ends when its input does.
struct Sdks {
    child: Child,
    requests: Option<ChildStdin>,
    answers: Receiver<String>,
    complaints: Option<JoinHandle<String>>,
    listed: BTreeMap<String, Value>,
}

impl Sdks {
    fn start(interpreter: &Path, script: &Path) -> Self {
        let list = Command::new(interpreter).arg(script).arg("--list").output();
        let list = list.unwrap_or_else(|error| panic!("{}: {error}", interpreter.display()));
        let complaint = String::from_utf8_lossy(&list.stderr);
        assert!(list.status.success(), "{}: {complaint}", script.display());
        let mut child = Command::new(interpreter)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, answers) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            // Nobody listens any more when the test has ended.
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        let mut stderr = child.stderr.take().unwrap();
        // Read all the time, or the script would wait for it; shown when the script has died.
        let complaints = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self {
            requests: child.stdin.take(),
            child,
            answers,
            complaints: Some(complaints),
            listed: serde_json::from_slice(&list.stdout).unwrap(),
        }
    }

    fn ask(&mut self, request: &Value) -> Value {
        let sent = self
            .requests
            .as_mut()
            .map(|requests| writeln!(requests, "{request}"));
        let answer = self.answers.recv_timeout(ANSWER_MAX);
        let (Some(Ok(())), Ok(answer)) = (sent, answer) else {
            let complaint = self.end();
            panic!("{request}\nno answer, nor a sign of one in {ANSWER_MAX:?}: {complaint}");
        };
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Ends it, and gives what it has complained of.
    fn end(&mut self) -> String {
        // It may have ended by itself; there is nobody to tell either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let complaints = self.complaints.take();
        complaints
            .and_then(|reader| reader.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Sdks {
    fn drop(&mut self) {
        drop(self.requests.take());
        self.end();
    }
}
