//! How AWS's own services are called: from where, as whom, and for how long at most.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// Longest wait for a connection within a region, where one takes a millisecond.
const CONNECT: Duration = Duration::from_secs(1);

/// Longest single try. A transaction takes some ten milliseconds; one that takes this long is
/// better asked again, with the token that makes it the same transaction.
const ATTEMPT: Duration = Duration::from_secs(3);

/// Longest call with all of its tries. A sender waits for the validator no longer than for one of
/// them (Shopify five seconds), and without an end a service that hangs would take a place of the
/// function with it.
const CALL: Duration = Duration::from_secs(7);

/// The configuration that the platform provides, with our bounds.
pub async fn load() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(CALL)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .load()
        .await
}
