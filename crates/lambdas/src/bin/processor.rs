//! `payment-processor`: Step Functions' tasks, done and recorded.

use std::sync::Arc;

use anyhow::Context as _;
use domain::time::Millis;
use engine::clock::SystemClock;
use lambda_runtime::{LambdaEvent, service_fn};
use lambdas::environment::{self, GatewayChoice, ProcessorEnvironment};
use lambdas::gateway::RotatingGateway;
use lambdas::observe::{self, Observer};
use lambdas::processor::Processor;
use lambdas::sdk;
use lambdas::vault::SecretsManager;
use processor::gateway::PaymentGateway;
use processor::gateway::simulated::{SimulatedGateway, SimulatedSettings, Sleep};
use serde_json::Value;
use store_dynamodb::{DynamoStore, Retention, Tables};

/// The runtime's own timer.
#[derive(Debug, Clone, Copy)]
struct RuntimeSleep;

impl Sleep for RuntimeSleep {
    async fn sleep(&self, span: Millis) {
        tokio::time::sleep(span.to_duration()).await;
    }
}

fn main() -> anyhow::Result<()> {
    let observer = observe::start("payment-processor")?;
    let environment = ProcessorEnvironment::read(environment::variable)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(join(environment, observer))
}

async fn join(environment: ProcessorEnvironment, observer: Observer) -> anyhow::Result<()> {
    let sdk = sdk::load().await;
    let store = Arc::new(DynamoStore::new(
        aws_sdk_dynamodb::Client::new(&sdk),
        Tables {
            payments: environment.payments_table,
            // Tasks read and settle records, and nothing else.
            event_keys: String::new(),
            quarantine: String::new(),
        },
        Retention::default(),
    ));
    match environment.gateway {
        GatewayChoice::Simulated => {
            let gateway = SimulatedGateway::new(SimulatedSettings::default(), RuntimeSleep);
            Box::pin(serve(gateway, store, observer)).await
        }
        GatewayChoice::Http(settings) => {
            let vault = SecretsManager(aws_sdk_secretsmanager::Client::new(&sdk));
            let gateway = RotatingGateway::try_new(settings, vault, Arc::new(SystemClock))
                .context("PAYHOOK_GATEWAY_URL cannot be used")?;
            Box::pin(serve(gateway, store, observer)).await
        }
    }
}

async fn serve<G: PaymentGateway>(
    gateway: G,
    store: Arc<DynamoStore>,
    observer: Observer,
) -> anyhow::Result<()> {
    let processor = Processor::new(gateway, store, Arc::new(SystemClock));
    let handle = async |event: LambdaEvent<Value>| {
        // Boxed, or the compiler's own depth does not suffice for the future's type.
        let answer = Box::pin(processor.handle(event)).await;
        observer.flush().await;
        answer
    };
    let served = lambda_runtime::run(service_fn(handle)).await;
    served
        .map_err(anyhow::Error::from_boxed)
        .context("the runtime ended")
}
