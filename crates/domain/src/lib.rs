//! The rules of payment webhooks: what arrived, who sent it, what it means, what follows.
//!
//! Nothing here touches the world. No socket, clock, file or source of luck can be named in
//! this crate: it is `no_std`, and time arrives as an argument called `now`.
//!
//! In reading order: a [`delivery`] is proved by a [`signature`], read by its [`providers`]
//! entry into an [`event`] with [`money`] in it; [`admit`] is the front door that does all
//! three, and [`diagnosis`] says to our own people why a signature proved nothing. What is kept is a [`record`]; how it may change is a [`settlement`]; every change
//! is told in the shape of a [`stream`] record. [`task`] is the contract with the effects, and
//! [`notification`] what the user's own application is told.
#![no_std]
#![warn(missing_docs)]
#![warn(clippy::float_arithmetic, clippy::arithmetic_side_effects)]

extern crate alloc;

pub mod delivery;
pub mod json;
pub mod source;
pub mod secret;
pub mod signature;
pub mod diagnosis;
pub mod providers;
pub mod card;
pub mod admit;
pub mod event;
pub mod money;
pub mod currency;
pub mod status;
pub mod meaning;
pub mod payment;
pub mod record;
pub mod settlement;
pub mod stream;
pub mod task;
pub mod notification;
pub mod trace;
pub mod time;
pub mod limits;
