//! Commands.

use std::time::Instant;

use super::Shard;
use super::negotiation::{Opening, refusal};
use crate::command::Command;
use crate::event::Event;
use crate::forwarding::{LegId, Refusal};
use crate::ids::{RequestId, TransportId};
use crate::io::Action;
use crate::tables::Slot;

impl Shard {
    pub(super) fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::OpenTransport {
                request,
                transport,
                participant,
                offer,
                socket,
                max_send_bitrate,
            } => {
                let opening =
                    Opening { request, transport, participant, offer, socket, max_send_bitrate };
                let outcome = self.open_transport(now, opening);
                if let (Err(_), Some(socket)) = (&outcome, socket.filter(|socket| !socket.shared)) {
                    self.actions.push_back(Action::ReleaseSocket(socket.socket));
                }
                self.tell_refusal(request, outcome);
            }
            Command::Renegotiate { request, transport, offer } => {
                let outcome = self.renegotiate(now, request, transport, &offer);
                self.tell_refusal(request, outcome);
            }
            Command::CloseTransport { transport } => {
                if let Some(slot) = self.transports.find(transport) {
                    self.close_transport(now, slot, None);
                }
            }
            Command::RelayData { request, channel, transport, label } => {
                let outcome = self.relay_data(now, channel, transport, label);
                self.tell(request, outcome);
            }
            Command::StopRelayData { channel, transport } => {
                self.stop_relay_data(now, channel, transport);
            }
            other => self.forwarding_command(now, other),
        }
        self.follow_router();
    }

    /// Commands that are the router's alone.
    fn forwarding_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Publish { request, publication, transport, mid, max_bitrate } => {
                let outcome = self
                    .leg(transport)
                    .and_then(|leg| self.router.publish(now, publication, leg, &mid, max_bitrate));
                self.tell(request, outcome);
            }
            Command::MovePublication { request, publication, transport, mid } => {
                let outcome = self
                    .leg(transport)
                    .and_then(|leg| self.router.move_publication(now, publication, leg, &mid));
                self.tell(request, outcome);
            }
            Command::Subscribe { request, subscription, publication, transport, mid } => {
                let outcome = self.leg(transport).and_then(|leg| {
                    self.router.subscribe(now, subscription, publication, leg, &mid)
                });
                self.tell(request, outcome);
            }
            Command::Unpublish { publication } => self.router.unpublish(publication),
            Command::PausePublication { publication, paused } => {
                self.router.pause_publication(now, publication, paused);
            }
            Command::LimitPublication { publication, max_bitrate } => {
                self.router.limit_publication(now, publication, max_bitrate);
            }
            Command::Unsubscribe { subscription } => self.router.unsubscribe(subscription),
            Command::PauseSubscription { subscription, paused } => {
                self.router.pause_subscription(now, subscription, paused);
            }
            Command::LimitTransport { transport, max_send_bitrate } => {
                if let Ok(leg) = self.leg(transport) {
                    self.router.set_cap(now, leg, max_send_bitrate);
                }
            }
            _ => {}
        }
    }

    fn leg(&self, transport: TransportId) -> Result<LegId, Refusal> {
        let unknown = || refusal("unknown-transport", "no such transport");
        let slot = self.slot(transport)?;
        self.transports.get(slot).map(|transport| transport.leg).ok_or_else(unknown)
    }

    pub(super) fn slot(&self, transport: TransportId) -> Result<Slot, Refusal> {
        let unknown = || refusal("unknown-transport", "no such transport");
        self.transports.find(transport).ok_or_else(unknown)
    }

    fn tell(&mut self, request: RequestId, outcome: Result<(), Refusal>) {
        if outcome.is_ok() {
            self.events.push_back(Event::Done { request });
        }
        self.tell_refusal(request, outcome);
    }

    fn tell_refusal(&mut self, request: RequestId, outcome: Result<(), Refusal>) {
        if let Err(Refusal { code, message }) = outcome {
            self.events.push_back(Event::Failed { request, code, message });
        }
    }
}
