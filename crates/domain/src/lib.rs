//! The rules of payment webhooks: what arrived, who sent it, what it means.
