//! What attacks the product: suites, simulation, made deliveries. Development only.
