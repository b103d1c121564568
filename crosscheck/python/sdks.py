"""Lets the payment providers' own Python SDKs verify and sign webhooks.

One JSON request a line on stdin, one JSON answer a line on stdout; the protocol is in
../README.md. No MAC is computed here: each function below only takes a request apart into the
arguments that its SDK wants.
"""

import base64
import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from types import SimpleNamespace
from urllib.parse import parse_qs, urlencode

import time_machine


class Unusable(Exception):
    """The request cannot be put to this SDK; that is no verdict."""


class Request:
    def __init__(self, fields):
        self.secret = fields["secret"]
        self.url = fields.get("url") or ""
        self.webhook_id = fields.get("webhookId") or ""
        self.headers = {name.lower(): value for name, value in (fields.get("headers") or {}).items()}
        self.body = base64.b64decode(fields["body"], validate=True)
        self.query = parse_qs(fields.get("query") or "", keep_blank_values=True)
        self.now = fields.get("now")
        if not isinstance(self.secret, str):
            raise Unusable("`secret` is not a text")
        if not all(isinstance(value, str) for value in self.headers.values()):
            raise Unusable("a header is not a text")
        if self.now is not None and type(self.now) is not int:
            raise Unusable("`now` is not whole seconds")

    def header(self, name):
        return self.headers.get(name)

    @property
    def text(self):
        """For the SDKs that take no bytes."""
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise Unusable("this SDK takes text, and the body is not UTF-8") from None

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Unusable("this SDK takes parsed JSON, and the body is none") from None

    def clock(self):
        # For the whole process, at C level: no SDK here but one lets its clock be set.
        return nullcontext() if self.now is None else time_machine.travel(self.now, tick=False)


def signed(headers, body):
    return {"headers": headers, "body": base64.b64encode(body).decode()}


# --- Stripe ------------------------------------------------------------------------------------


def stripe_verify(q):
    from stripe import WebhookSignature

    # What Webhook.construct_event calls, less the building of an event.
    return WebhookSignature.verify_header(q.body, q.header("stripe-signature"), q.secret, tolerance=300)


def stripe_sign(q):
    from stripe import WebhookSignature

    return signed({"stripe-signature": WebhookSignature.generate_signature_header(q.text, q.secret, q.now)}, q.body)


# --- Adyen -------------------------------------------------------------------------------------


def adyen_items(notification):
    try:
        return [item["NotificationRequestItem"] for item in notification["notificationItems"]]
    except (KeyError, TypeError):
        raise Unusable("no notificationItems in the body") from None


def adyen_verify(q):
    from Adyen.util import is_valid_hmac_notification

    # Given a whole notification, the SDK looks at the first item only.
    items = adyen_items(q.json)
    return bool(items) and all(is_valid_hmac_notification(item, q.secret) for item in items)


def adyen_sign(q):
    from Adyen.util import generate_notification_sig

    notification = q.json
    for item in adyen_items(notification):
        signature = generate_notification_sig(item, q.secret).decode()
        item.setdefault("additionalData", {})["hmacSignature"] = signature
    return signed({}, json.dumps(notification).encode())


def adyen_platform_verify(q):
    from Adyen.util import is_valid_hmac_payload

    return is_valid_hmac_payload(q.header("hmacsignature"), q.secret, q.body)


def adyen_platform_sign(q):
    from Adyen.util import generate_payload_sig

    signature = generate_payload_sig(q.body, q.secret).decode()
    return signed({"hmacsignature": signature, "protocol": "HmacSHA256"}, q.body)


# --- PayPal ------------------------------------------------------------------------------------


def paypal_verify(q):
    from OpenSSL import crypto
    from paypalrestsdk import WebhookEvent

    # `secret` is the certificate that the SDK would fetch. Its trust check is off, for it knows
    # one root only, of which no certificate that a test can have descends.
    certificate = crypto.load_certificate(crypto.FILETYPE_PEM, q.secret.encode())
    WebhookEvent._get_cert = staticmethod(lambda url: certificate)
    WebhookEvent._verify_certificate = staticmethod(lambda certificate: True)
    return WebhookEvent.verify(
        q.header("paypal-transmission-id"),
        q.header("paypal-transmission-time"),
        q.webhook_id,
        q.text,
        q.header("paypal-cert-url"),
        q.header("paypal-transmission-sig"),
        q.header("paypal-auth-algo"),
    )


# --- Braintree ---------------------------------------------------------------------------------


def braintree_gateway(q):
    from braintree import BraintreeGateway, Configuration, Environment

    public_key, separator, private_key = q.secret.partition("|")
    if not separator:
        raise Unusable("the secret of braintree is public_key|private_key")
    return BraintreeGateway(Configuration(Environment.Sandbox, "merchant", public_key, private_key))


def braintree_verify(q):
    form = parse_qs(q.text, keep_blank_values=True)
    gateway = braintree_gateway(q)
    # It also parses the XML: a payload that is none is refused, whatever its signature.
    gateway.webhook_notification.parse(form.get("bt_signature", [None])[0], form.get("bt_payload", [None])[0])
    return True


def braintree_sign(q):
    from braintree.util.crypto import Crypto

    # As in its WebhookTestingGateway, whose own payloads are fixed; here the body is the XML.
    config = braintree_gateway(q).config
    payload = base64.encodebytes(q.body)
    signature = f"{config.public_key}|{Crypto.sha1_hmac_hash(config.private_key, payload)}"
    form = urlencode({"bt_signature": signature, "bt_payload": payload})
    return signed({"content-type": "application/x-www-form-urlencoded"}, form.encode())


# --- One header over the raw body --------------------------------------------------------------


def square_verify(q):
    from square.utils.webhooks_helper import verify_signature

    return verify_signature(
        request_body=q.text,
        signature_header=q.header("x-square-hmacsha256-signature"),
        signature_key=q.secret,
        notification_url=q.url,
    )


def shopify_verify(q):
    from shopify_app.verify.webhook import verify_webhook_req

    request = {"method": "POST", "url": q.url, "headers": q.headers, "body": q.text}
    result = verify_webhook_req(request, {"client_id": "unused", "client_secret": q.secret})
    return Verdict(result.ok, None if result.ok else f"{result.log.code}: {result.log.detail}")


def gocardless_verify(q):
    from gocardless_pro.webhooks import _verify_signature

    # The first step of its parse(), which then wants events in the body. Returns nothing.
    _verify_signature(q.body, q.secret, q.header("webhook-signature"))
    return True


def mollie_verify(q):
    from mollie.utils.webhooks import SignatureValidator

    return SignatureValidator.validate(q.text, q.secret, q.header("x-mollie-signature"))


def mollie_sign(q):
    from mollie.utils.webhooks import SignatureValidator

    return signed({"x-mollie-signature": "sha256=" + SignatureValidator.create_signature(q.text, q.secret)}, q.body)


def razorpay_verify(q):
    from razorpay.utility import Utility

    return Utility().verify_webhook_signature(q.text, q.header("x-razorpay-signature"), q.secret)


def paystack_verify(q):
    from pypaystack2 import PaystackClient

    return PaystackClient(q.secret).is_verified_webhook_payload(q.body, q.header("x-paystack-signature"))


def coinbase_commerce_verify(q):
    from coinbase_commerce.webhook import WebhookSignature

    return WebhookSignature.verify_sig_header(q.text, q.header("x-cc-webhook-signature"), q.secret)


def coinbase_commerce_sign(q):
    from coinbase_commerce.webhook import WebhookSignature

    return signed({"x-cc-webhook-signature": WebhookSignature._compute_signature(q.text, q.secret)}, q.body)


def github_verify(q):
    from gidgethub.sansio import validate_event

    validate_event(q.body, signature=q.header("x-hub-signature-256"), secret=q.secret)
    return True


def wise_verify(q):
    from pywisetransfer import webhooks

    # It knows Wise's two keys and takes no other; `secret` is the public key, as PEM.
    webhooks.get_webhook_public_key = lambda environment: q.secret.encode()
    headers = {} if q.header("x-signature-sha256") is None else {"X-Signature-SHA256": q.header("x-signature-sha256")}
    webhooks.validate_request(SimpleNamespace(json={}, data=q.body, headers=headers))
    return True


# --- A header over a time and the raw body -----------------------------------------------------


def paddle_verify(q):
    from paddle_billing.Notifications import Secret, Verifier

    request = SimpleNamespace(headers={"Paddle-Signature": q.header("paddle-signature")}, body=q.body)
    return Verifier().verify(request, Secret(q.secret))


def paddle_sign(q):
    from paddle_billing.Notifications import PaddleSignature

    # The SDK has the MAC only: what it covers is put together here.
    mac = PaddleSignature.calculate_hmac(q.secret, f"{q.now}:".encode() + q.body)
    return signed({"paddle-signature": f"ts={q.now};h1={mac.hexdigest()}"}, q.body)


def cashfree_verify(q):
    from cashfree_pg.api_client import Cashfree

    # It also wants JSON with a `type`, whatever the signature.
    client = Cashfree(Cashfree.SANDBOX, XClientId="unused", XClientSecret=q.secret)
    client.PGVerifyWebhookSignature(q.header("x-webhook-signature"), q.text, q.header("x-webhook-timestamp"))
    return True


def airwallex_verify(q):
    from airwallex.webhooks import verify_signature

    verify_signature(
        payload=q.body, timestamp=q.header("x-timestamp"), signature=q.header("x-signature"), secret=q.secret
    )
    return True


def mercado_pago_verify(q):
    from mercadopago.webhook import WebhookSignatureValidator

    # The body is not signed, and by default no clock is looked at.
    data_id = q.query.get("data.id", [None])[0]
    WebhookSignatureValidator.validate(q.header("x-signature"), q.header("x-request-id"), data_id, q.secret)
    return True


def hook0_verify(q):
    from hook0 import verify_webhook_signature

    return verify_webhook_signature(q.header("x-hook0-signature"), q.body, q.headers, q.secret, 300)


# --- Standard Webhooks -------------------------------------------------------------------------

MESSAGE_ID = "msg_crosscheck"


def standard_webhooks_verify(q):
    from standardwebhooks import Webhook

    Webhook(q.secret).verify(q.body, q.headers, json_parse=False)
    return True


def svix_verify(q):
    from svix.webhooks import Webhook

    Webhook(q.secret).verify(q.body, q.headers)
    return True


def standard_webhooks_sign(q):
    from standardwebhooks import Webhook

    return message_signed(q, Webhook(q.secret), "webhook")


def svix_sign(q):
    from svix.webhooks import Webhook

    return message_signed(q, Webhook(q.secret), "svix")


def message_signed(q, webhook, prefix):
    signature = webhook.sign(MESSAGE_ID, datetime.fromtimestamp(q.now, UTC), q.text)
    headers = {"id": MESSAGE_ID, "timestamp": str(q.now), "signature": signature}
    return signed({f"{prefix}-{name}": value for name, value in headers.items()}, q.body)


# -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    valid: bool
    why: str | None


@dataclass(frozen=True)
class Sdk:
    package: str
    verify: Callable
    sign: Callable | None = None


SDKS = {
    "stripe": Sdk("stripe", stripe_verify, stripe_sign),
    "adyen": Sdk("adyen", adyen_verify, adyen_sign),
    "adyen-platform": Sdk("adyen", adyen_platform_verify, adyen_platform_sign),
    "paypal": Sdk("paypalrestsdk", paypal_verify),
    "square": Sdk("squareup", square_verify),
    "shopify": Sdk("shopifyapp", shopify_verify),
    "braintree": Sdk("braintree", braintree_verify, braintree_sign),
    "gocardless": Sdk("gocardless-pro", gocardless_verify),
    "mollie": Sdk("mollie-api-py", mollie_verify, mollie_sign),
    "razorpay": Sdk("razorpay", razorpay_verify),
    "paddle": Sdk("paddle-python-sdk", paddle_verify, paddle_sign),
    "paystack": Sdk("pypaystack2", paystack_verify),
    "mercado-pago": Sdk("mercadopago", mercado_pago_verify),
    "wise": Sdk("pywisetransfer", wise_verify),
    "coinbase-commerce": Sdk("coinbase-commerce", coinbase_commerce_verify, coinbase_commerce_sign),
    "coinbase-cdp": Sdk("hook0-client", hook0_verify),
    "cashfree": Sdk("cashfree-pg", cashfree_verify),
    "airwallex": Sdk("airwallex", airwallex_verify),
    "standard-webhooks": Sdk("standardwebhooks", standard_webhooks_verify, standard_webhooks_sign),
    "svix": Sdk("svix", svix_verify, svix_sign),
    "github": Sdk("gidgethub", github_verify),
}


def listed():
    return {
        provider: {"sdk": f"{sdk.package} {version(sdk.package)}", "verifies": True, "signs": sdk.sign is not None}
        for provider, sdk in SDKS.items()
    }


def verify(sdk, q):
    try:
        with q.clock():
            verdict = sdk.verify(q)
    except (Unusable, ImportError):
        raise
    except Exception as refusal:  # An SDK's way to say no, in words or by falling over.
        return {"valid": False, "why": f"{type(refusal).__name__}: {refusal}"}
    if not isinstance(verdict, Verdict):
        verdict = Verdict(bool(verdict), None)
    return {"valid": verdict.valid, "why": verdict.why}


def sign(sdk, q):
    if sdk.sign is None:
        raise Unusable(f"{sdk.package} does not sign")
    if q.now is None:
        raise Unusable("`now` is needed for signing")
    with q.clock():
        return sdk.sign(q)


def answer(line):
    try:
        fields = json.loads(line)
        sdk = SDKS.get(fields["provider"])
        if sdk is None:
            raise Unusable(f"no SDK here for {fields['provider']}")
        return {"verify": verify, "sign": sign}[fields["do"]](sdk, Request(fields))
    except Exception as failure:
        return {"error": f"{type(failure).__name__}: {failure}"}


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr  # paypalrestsdk prints why it refuses.
    if sys.argv[1:] == ["--list"]:
        print(json.dumps(listed()), file=answers)
        return
    for line in sys.stdin.buffer:
        print(json.dumps(answer(line)), file=answers, flush=True)


if __name__ == "__main__":
    main()
