//! The memory store keeps every word of the ports.

use testbed::store_suite::MemoryOpener;

testbed::store_suite!(MemoryOpener);
testbed::settlement_suite!(MemoryOpener);
