//! `webhook-validator`: API Gateway's webhooks, verified and kept.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use engine::clock::{Clock, SystemClock, SystemLuck};
use engine::ingress::{Ingress, IngressOptions, router};
use engine::metrics::Metrics;
use engine::upstream::NoUpstream;
use lambda_runtime::{LambdaEvent, service_fn};
use lambdas::environment::{self, ValidatorEnvironment};
use lambdas::observe::{self, Observer};
use lambdas::sdk;
use lambdas::secrets::RotatingSources;
use lambdas::validator::Validator;
use lambdas::vault::SecretsManager;
use serde_json::Value;
use store_dynamodb::{DynamoStore, Retention, Tables};

/// The platform's own limit is thirty seconds; a sender's is shorter (Shopify waits for five).
const CUSTODY_TIMEOUT: Duration = Duration::from_secs(8);

fn main() -> anyhow::Result<()> {
    let observer = observe::start("webhook-validator")?;
    let environment = ValidatorEnvironment::read(environment::variable)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(environment, observer))
}

async fn serve(environment: ValidatorEnvironment, observer: Observer) -> anyhow::Result<()> {
    let sdk = sdk::load().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sources = RotatingSources::new(
        SecretsManager(aws_sdk_secretsmanager::Client::new(&sdk)),
        environment.sources,
        environment.rotation,
        Arc::clone(&clock),
    );
    let store = DynamoStore::new(
        aws_sdk_dynamodb::Client::new(&sdk),
        Tables {
            payments: environment.payments_table,
            event_keys: environment.event_keys_table,
            quarantine: environment.quarantine_table,
        },
        Retention {
            event_key_days: environment.event_key_days,
            quarantine_days: environment.quarantine_days,
        },
    );
    let ingress = Ingress::new(
        // Providers that must be asked are refused in the environment.
        (Arc::new(sources), Arc::new(NoUpstream)),
        Arc::new(store),
        (clock, Arc::new(SystemLuck)),
        Arc::new(Metrics::default()),
        IngressOptions {
            base_path: String::new(),
            body_bytes_max: environment.body_bytes_max,
            // The whole body is here before the function is called, and one at a time.
            body_timeout: CUSTODY_TIMEOUT,
            custody_timeout: CUSTODY_TIMEOUT,
            requests_max: 1,
            explainer: None,
            doorman: Arc::default(),
        },
    );
    let validator = Validator::new(router(ingress), observer);
    let handle = |event: LambdaEvent<Value>| validator.handle(event);
    let served = lambda_runtime::run(service_fn(handle)).await;
    served
        .map_err(anyhow::Error::from_boxed)
        .context("the runtime ended")
}
