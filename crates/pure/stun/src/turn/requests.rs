//! Refresh, CreatePermission and ChannelBind requests (RFC 8656 §8.2, §10.2, §12.2).

use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};

use super::allocate::{required, seconds};
use super::allocation::{BindError, slot};
use super::auth::User;
use super::reply::Exchange;
use super::{Allocation, AllocationId, Received, RemovedReason, Server, canonical};
use crate::attribute::{ChannelNumber, Family, Lifetime, RequestedAddressFamily, XorPeerAddress};
use crate::{Message, is_channel_number};

impl<F: Copy + Eq + Hash> Server<F> {
    pub(super) fn refresh(
        &mut self,
        mut x: Exchange<'_, F>,
        request: &Message<'_>,
        user: &User<'_>,
        id: AllocationId,
    ) -> Received {
        match self.try_refresh(&x, request, id) {
            Ok(lifetime) => x.success(request, Some(user), |response| {
                response.push(&Lifetime(lifetime));
            }),
            Err(code) => x.refuse(request, Some(user), code),
        }
    }

    /// Gives the new lifetime in seconds.
    fn try_refresh(
        &mut self,
        x: &Exchange<'_, F>,
        request: &Message<'_>,
        id: AllocationId,
    ) -> Result<u32, u16> {
        let lifetime = required::<Lifetime>(request)?.map(|lifetime| lifetime.0);
        let family = match required::<RequestedAddressFamily>(request)? {
            None => None,
            Some(RequestedAddressFamily(number)) => {
                let family = Family::from_number(number).ok_or(443u16)?;
                self.table.get(id).and_then(|a| a.relay(family)).ok_or(443u16)?;
                Some(family)
            }
        };
        if lifetime == Some(0) {
            self.release(id, family);
            return Ok(0);
        }
        let granted = self.lifetime(lifetime);
        self.table.update(id, |allocation| {
            for (index, relay) in allocation.relays.iter_mut().enumerate() {
                if let Some(relay) = relay.as_mut()
                    && family.is_none_or(|family| slot(family) == index)
                {
                    relay.expires = x.now + granted;
                }
            }
        });
        Ok(seconds(granted))
    }

    /// Ends one relayed address, or all; the allocation ends with its last.
    fn release(&mut self, id: AllocationId, family: Option<Family>) {
        let count = self.table.get(id).map_or(0, |a| a.relays.iter().flatten().count());
        match family {
            Some(family) if count > 1 => {
                let address = self.table.update(id, |allocation| allocation.release(family));
                if let Some(address) = address.flatten() {
                    self.give_back(address);
                }
            }
            _ => self.remove(id, RemovedReason::Released),
        }
    }

    pub(super) fn create_permission(
        &mut self,
        mut x: Exchange<'_, F>,
        request: &Message<'_>,
        user: &User<'_>,
        id: AllocationId,
    ) -> Received {
        match self.try_permit(&x, request, id) {
            Ok(()) => x.success(request, Some(user), |_| {}),
            Err(code) => x.refuse(request, Some(user), code),
        }
    }

    /// All of the permissions or none.
    fn try_permit(
        &mut self,
        x: &Exchange<'_, F>,
        request: &Message<'_>,
        id: AllocationId,
    ) -> Result<(), u16> {
        let peers: Result<Vec<IpAddr>, _> =
            request.all::<XorPeerAddress>().map(|peer| peer.map(|peer| peer.0.ip())).collect();
        let peers = peers.map_err(|_| 400u16)?;
        let allocation = self.table.get(id).ok_or(437u16)?;
        if peers.is_empty() {
            return Err(400);
        }
        peers.iter().try_for_each(|peer| check_family(allocation, *peer))?;
        let permitted = |peer: &IpAddr| is_plain(*peer) && x.policy.permit(&allocation.user, *peer);
        if !peers.iter().all(permitted) {
            return Err(403);
        }
        let count = allocation.permissions.len() + allocation.new_permissions(&peers);
        if count > self.config.max_permissions {
            return Err(508);
        }
        self.table.update(id, |allocation| {
            peers.iter().for_each(|peer| allocation.permit(*peer, x.now));
        });
        Ok(())
    }

    pub(super) fn channel_bind(
        &mut self,
        mut x: Exchange<'_, F>,
        request: &Message<'_>,
        user: &User<'_>,
        id: AllocationId,
    ) -> Received {
        match self.try_bind(&x, request, id) {
            Ok(()) => x.success(request, Some(user), |_| {}),
            Err(code) => x.refuse(request, Some(user), code),
        }
    }

    fn try_bind(
        &mut self,
        x: &Exchange<'_, F>,
        request: &Message<'_>,
        id: AllocationId,
    ) -> Result<(), u16> {
        let number = required::<ChannelNumber>(request)?.ok_or(400u16)?.0;
        let peer: SocketAddr = required::<XorPeerAddress>(request)?.ok_or(400u16)?.0;
        if !is_channel_number(number) {
            return Err(400);
        }
        let allocation = self.table.get(id).ok_or(437u16)?;
        let bindable = allocation.can_bind(number, peer, self.config.max_channels);
        if bindable == Err(BindError::Conflict) {
            return Err(400);
        }
        check_family(allocation, peer.ip())?;
        if !is_plain(peer.ip()) || !x.policy.reach(&allocation.user, peer) {
            return Err(403);
        }
        let permissions = allocation.permissions.len() + allocation.new_permissions(&[peer.ip()]);
        if bindable.is_err() || permissions > self.config.max_permissions {
            return Err(508);
        }
        self.table.update(id, |allocation| allocation.bind(number, peer, x.now));
        Ok(())
    }
}

/// 443 unless the allocation has a relayed address of the peer's family.
fn check_family<F>(allocation: &Allocation<F>, peer: IpAddr) -> Result<(), u16> {
    allocation.relay(Family::of(peer)).map(|_| ()).ok_or(443)
}

/// False for IPv4 in the disguise of IPv6: such a peer is no peer of an IPv6 allocation.
fn is_plain(peer: IpAddr) -> bool {
    canonical(peer) == peer
}
