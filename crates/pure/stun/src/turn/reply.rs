//! Writing responses.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngCore;

use super::auth::{Authenticator, User};
use super::server::plain;
use super::{Client, DropReason, PeerPolicy, Received};
use crate::attribute::{
    ErrorCode, Nonce, PasswordAlgorithms, Realm, UnknownAttributes, XorMappedAddress,
};
use crate::{Builder, Class, Message};

/// What goes with one message: when, from whom, and what the caller lends.
pub(super) struct Exchange<'x, F> {
    pub(super) now: Instant,
    pub(super) unix: Duration,
    pub(super) from: Client<F>,
    pub(super) policy: &'x dyn PeerPolicy,
    pub(super) rng: &'x mut dyn RngCore,
    pub(super) reply: &'x mut Vec<u8>,
}

impl<F> Exchange<'_, F> {
    /// Writes a success response with the attributes that `fill` adds.
    pub(super) fn success(
        &mut self,
        request: &Message<'_>,
        user: Option<&User<'_>>,
        fill: impl FnOnce(&mut Builder<'_>),
    ) -> Received {
        self.respond(Class::Success, request, user, fill)
    }

    /// Writes an error response.
    pub(super) fn refuse(
        &mut self,
        request: &Message<'_>,
        user: Option<&User<'_>>,
        code: u16,
    ) -> Received {
        self.respond(Class::Error, request, user, |response| {
            response.push(&ErrorCode::bare(code));
        })
    }

    /// Writes a 420 response.
    pub(super) fn refuse_unknown(
        &mut self,
        request: &Message<'_>,
        user: Option<&User<'_>>,
        unknown: Vec<u16>,
    ) -> Received {
        self.respond(Class::Error, request, user, |response| {
            response.push(&ErrorCode::bare(420)).push(&UnknownAttributes(unknown));
        })
    }

    /// Writes a 401 or 438 response: what the client needs to try again. Nobody has proved
    /// anything, so it carries no integrity.
    pub(super) fn challenge(
        &mut self,
        request: &Message<'_>,
        code: u16,
        auth: &Authenticator,
    ) -> Received {
        let nonce = auth.nonce(&self.from, self.unix);
        self.respond(Class::Error, request, None, |response| {
            response
                .push(&ErrorCode::bare(code))
                .push(&Realm(auth.realm()))
                .push(&Nonce(&nonce))
                .push(&PasswordAlgorithms::OURS);
        })
    }

    fn respond(
        &mut self,
        class: Class,
        request: &Message<'_>,
        user: Option<&User<'_>>,
        fill: impl FnOnce(&mut Builder<'_>),
    ) -> Received {
        let mut response =
            Builder::new(self.reply, class, request.method(), request.transaction_id());
        fill(&mut response);
        match user {
            Some(user) if user.sha256 => {
                response.integrity_sha256(&user.key);
            }
            Some(user) => {
                response.integrity(&user.key);
            }
            None => {}
        }
        if request.has_fingerprint() {
            response.fingerprint();
        }
        Received::Reply
    }
}

/// Answers a Binding request from `remote`: its address, or which attributes are not `known`.
pub(super) fn binding(
    request: &Message<'_>,
    remote: SocketAddr,
    known: &[u16],
    reply: &mut Vec<u8>,
) -> Received {
    let unknown: Vec<u16> = request.unknown_required(known).collect();
    let class = if unknown.is_empty() { Class::Success } else { Class::Error };
    let mut response = Builder::new(reply, class, request.method(), request.transaction_id());
    if unknown.is_empty() {
        response.push(&XorMappedAddress(plain(remote)));
    } else {
        response.push(&ErrorCode::bare(420)).push(&UnknownAttributes(unknown));
    }
    if request.has_fingerprint() {
        response.fingerprint();
    }
    Received::Reply
}

impl From<DropReason> for Received {
    fn from(reason: DropReason) -> Received {
        Received::Dropped(reason)
    }
}
