//! The store you can read: every role in plain maps. What it does is what the ports mean.
