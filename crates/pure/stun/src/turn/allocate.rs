//! Allocate requests (RFC 8656 §7.2).

use std::cell::Cell;
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngCore;

use super::allocation::{Relay, slot};
use super::auth::User;
use super::reply::Exchange;
use super::server::plain;
use super::{Allocation, AllocationId, Event, Received, RemovedReason, Server, is_tunnel};
use crate::Message;
use crate::attribute::{
    AdditionalAddressFamily, AddressErrorCode, Attribute, EvenPort, Family, Lifetime,
    RequestedAddressFamily, RequestedTransport, ReservationToken, XorMappedAddress,
    XorRelayedAddress,
};

/// An allocation through which nothing was sent for so long makes room for another one of its
/// participant: media and connectivity checks come far more often where there is a path.
const ABANDONED: Duration = Duration::from_secs(10);

/// What a well-formed Allocate request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    first: Family,
    second: Option<Family>,
    even: bool,
    lifetime: Option<u32>,
}

impl<F: Copy + Eq + Hash> Server<F> {
    pub(super) fn allocate(
        &mut self,
        mut x: Exchange<'_, F>,
        request: &Message<'_>,
        user: &User<'_>,
    ) -> Received {
        if user.expiry < x.unix.as_secs() {
            return x.challenge(request, 401, &self.auth);
        }
        if let Some(allocation) = self.table.of_flow(x.from.flow).and_then(|id| self.table.get(id))
        {
            // The same request again is answered as before, for its answer may have been lost.
            let repeated = allocation.transaction == request.transaction_id();
            return match repeated && *allocation.user == *user.name {
                true => answer(x, request, user, allocation),
                false => x.refuse(request, Some(user), 437),
            };
        }
        if is_tunnel(x.from.remote.ip()) {
            return x.refuse(request, Some(user), 403);
        }
        let made =
            wanted(request, |family| self.ports[slot(family)].is_some()).and_then(|wanted| {
                let replaced = self.room(x.now, user.participant)?;
                self.make(&mut x, request, user, wanted)?;
                if let Some(replaced) = replaced {
                    self.remove(replaced, RemovedReason::Replaced);
                }
                Ok(())
            });
        match made {
            Ok(()) => match self.table.of_flow(x.from.flow).and_then(|id| self.table.get(id)) {
                Some(allocation) => answer(x, request, user, allocation),
                None => x.refuse(request, Some(user), 508),
            },
            Err(code) => x.refuse(request, Some(user), code),
        }
    }

    /// Room for one more allocation of a participant, or the one that has to go for it. A client that
    /// leaves a dead path cannot give back what it has there, and needs as much on the next one: what
    /// has been silent for longest makes room, if it has been for long.
    fn room(&self, now: Instant, participant: u64) -> Result<Option<AllocationId>, u16> {
        if self.table.count_of(participant) < self.config.max_allocations_per_user {
            return Ok(None);
        }
        let heard = |id: &AllocationId| self.table.get(*id).map(|found| found.heard.get());
        let ids = self.table.of_participant(participant).iter();
        let stalest = ids.filter_map(|id| Some((heard(id)?, *id))).min_by_key(|(at, _)| *at);
        let stale = stalest.filter(|(heard, _)| now.saturating_duration_since(*heard) >= ABANDONED);
        stale.map(|(_, id)| Some(id)).ok_or(486)
    }

    fn make(
        &mut self,
        x: &mut Exchange<'_, F>,
        request: &Message<'_>,
        user: &User<'_>,
        wanted: Wanted,
    ) -> Result<(), u16> {
        let granted = self.lifetime(wanted.lifetime);
        let expires = x.now + granted;
        let mut relays = [None, None];
        let mut missing = None;
        for family in [Some(wanted.first), wanted.second].into_iter().flatten() {
            match self.take_relay(family, wanted.even, expires, x.rng) {
                Ok(relay) => relays[slot(family)] = Some(relay),
                Err(code) => missing = Some(AddressErrorCode { family, code }),
            }
        }
        if relays.iter().all(Option::is_none) {
            return Err(508);
        }
        let allocation = Allocation {
            client: x.from,
            user: user.name.into(),
            participant: user.participant,
            transaction: request.transaction_id(),
            granted: seconds(granted),
            missing,
            relays,
            permissions: Vec::new(),
            channels: Vec::new(),
            heard: Cell::new(x.now),
            deadline: expires,
        };
        let id = self.table.insert(allocation).ok_or(508u16)?;
        self.events.push_back(Event::Created { allocation: id, flow: x.from.flow });
        Ok(())
    }

    fn take_relay(
        &mut self,
        family: Family,
        even: bool,
        expires: Instant,
        rng: &mut dyn RngCore,
    ) -> Result<Relay, u16> {
        let ip = self.config.relayed.iter().find(|ip| Family::of(**ip) == family);
        let (Some(ip), Some(ports)) = (ip, &mut self.ports[slot(family)]) else {
            return Err(440);
        };
        let port = ports.take(even, rng).ok_or(508u16)?;
        Ok(Relay { address: SocketAddr::new(*ip, port), expires })
    }

    /// RFC 8656 §7.2: at least the default, at most the maximum.
    pub(super) fn lifetime(&self, requested: Option<u32>) -> Duration {
        let requested = Duration::from_secs(requested.unwrap_or(0).into());
        requested.min(self.config.max_lifetime).max(self.config.default_lifetime)
    }
}

pub(super) fn seconds(lifetime: Duration) -> u32 {
    u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX)
}

/// Steps 3 to 9 of RFC 8656 §7.2, or the code of the first that fails.
///
/// DONT-FRAGMENT is granted: peers are in this process, where nothing is ever fragmented.
fn wanted(request: &Message<'_>, supports: impl Fn(Family) -> bool) -> Result<Wanted, u16> {
    if required::<RequestedTransport>(request)?.ok_or(400u16)? != RequestedTransport::UDP {
        return Err(442);
    }
    let even = required::<EvenPort>(request)?;
    let requested = required::<RequestedAddressFamily>(request)?;
    let additional = required::<AdditionalAddressFamily>(request)?;
    if required::<ReservationToken>(request)?.is_some() {
        // No token is ever given out, so each is a bad one.
        let alone = even.is_none() && requested.is_none() && additional.is_none();
        return Err(if alone { 508 } else { 400 });
    }
    if requested.is_some() && additional.is_some() {
        return Err(400);
    }
    let first = match requested {
        Some(RequestedAddressFamily(number)) => Family::from_number(number).ok_or(440u16)?,
        None => Family::V4,
    };
    if additional.is_none() && !supports(first) {
        return Err(440);
    }
    if let Some(EvenPort { reserve_next: true }) = even {
        return Err(if additional.is_some() { 400 } else { 508 });
    }
    let second = match additional {
        None => None,
        Some(AdditionalAddressFamily(2)) => Some(Family::V6),
        Some(_) => return Err(400),
    };
    let lifetime = required::<Lifetime>(request)?.map(|lifetime| lifetime.0);
    Ok(Wanted { first, second, even: even.is_some(), lifetime })
}

/// An attribute that may be absent but not malformed.
pub(super) fn required<'a, A: Attribute<'a>>(request: &Message<'a>) -> Result<Option<A>, u16> {
    request.get::<A>().map_err(|_| 400)
}

fn answer<F>(
    mut x: Exchange<'_, F>,
    request: &Message<'_>,
    user: &User<'_>,
    allocation: &Allocation<F>,
) -> Received {
    let mapped = XorMappedAddress(plain(x.from.remote));
    x.success(request, Some(user), |response| {
        for relay in allocation.relays.iter().flatten() {
            response.push(&XorRelayedAddress(relay.address));
        }
        response.push(&Lifetime(allocation.granted)).push(&mapped);
        if let Some(missing) = &allocation.missing {
            response.push(missing);
        }
    })
}
