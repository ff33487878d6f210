//! A session on its link, and who waits for it.

use serde_json::{Value, json};

use crate::clock::{Nanos, milliseconds};
use crate::datagrams::Receiver;
use crate::link::Link;
use crate::request::{self, Id};
use crate::session::{Session, World};

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// An address to be reached at; the answer is the description with it.
    Description,
    /// The same, with no more to tell.
    Ready,
    Connected,
    FirstFrame,
}

struct Waiting {
    id: Id,
    wanted: Wanted,
    deadline: Nanos,
}

/// One transport.
pub(crate) struct Transport {
    pub(crate) name: String,
    pub(crate) session: Session,
    pub(crate) link: Link,
    /// The timer that is set for it.
    pub(crate) armed: Option<Nanos>,
    /// The poller tells when its socket can be written.
    pub(crate) writing: bool,
    /// The poller tells nothing of it any more.
    pub(crate) deaf: bool,
    waiting: Vec<Waiting>,
    told_end: bool,
}

impl Transport {
    pub(crate) fn new(name: String, session: Session, link: Link) -> Transport {
        Transport {
            name,
            session,
            link,
            armed: None,
            writing: false,
            deaf: false,
            waiting: Vec::new(),
            told_end: false,
        }
    }

    /// Answers now or later.
    pub(crate) fn wait(&mut self, id: Id, wanted: Wanted, deadline: Nanos) {
        self.waiting.push(Waiting { id, wanted, deadline });
    }

    /// Takes what has arrived.
    pub(crate) fn receive(&mut self, receiver: &mut Receiver, world: &mut World<'_>) {
        let session = &mut self.session;
        self.link.receive(receiver, world.now, |from, stamped, data| {
            let arrived = match stamped {
                0 => world.now,
                _ => stamped.saturating_sub(world.realtime_offset),
            };
            session.handle(from, data, arrived, world);
        });
    }

    /// Does what is due, sends, and answers those who waited.
    pub(crate) fn drive(&mut self, world: &mut World<'_>, replies: &mut Vec<Value>) {
        if self.link.is_ready() && self.session.next_timeout() <= world.now {
            let headroom = self.link.headroom();
            self.session.poll(&mut self.link.batch, headroom, world);
        }
        if let Some(remote) = self.session.remote() {
            self.link.flush(remote, world.now);
        }
        self.send(world.now);
        if let Some(failure) = self.link.failure() {
            self.session.end(failure);
        }
        if !self.waiting.is_empty() {
            self.answer_waiting(world.now, replies);
        }
        if let Some(reason) = self.session.ended.as_ref().filter(|_| !self.told_end) {
            self.told_end = true;
            replies.push(request::ended(&self.name, reason));
        }
    }

    fn send(&mut self, now: Nanos) {
        for (to, data) in self.session.out.drain(..) {
            self.link.send(to, &data, now);
        }
        self.link.poll(now);
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Nanos, replies: &mut Vec<Value>) {
        self.session.close();
        self.send(now);
        let closed = self.waiting.drain(..);
        replies
            .extend(closed.map(|one| request::refusal(Some(one.id), "the transport was closed")));
    }

    fn answer_waiting(&mut self, now: Nanos, replies: &mut Vec<Value>) {
        let (session, link) = (&mut self.session, &self.link);
        let local = link.local();
        self.waiting.retain(|waiting| {
            let reached = match waiting.wanted {
                Wanted::Description => link.is_ready().then(|| {
                    session.set_candidate(link.candidate());
                    json!({"sdp": session.describe()})
                }),
                Wanted::Ready => link.is_ready().then(|| json!({})),
                Wanted::Connected => session.connected.map(|connected| {
                    json!({
                        "ms": milliseconds(session.since_began(connected.at)),
                        "profile": connected.profile,
                        "dtls": connected.dtls,
                        "local": local.to_string(),
                        "remote": connected.remote.to_string(),
                    })
                }),
                Wanted::FirstFrame => session
                    .first_frame
                    .map(|at| json!({"ms": milliseconds(session.since_began(at))})),
            };
            let reply = match (reached, &session.ended) {
                (Some(content), _) => request::answer(waiting.id, &content),
                (None, Some(reason)) => request::refusal(Some(waiting.id), reason),
                (None, None) if waiting.deadline <= now => {
                    request::refusal(Some(waiting.id), "timeout")
                }
                (None, None) => return true,
            };
            replies.push(reply);
            false
        });
    }

    /// When [`drive`](Self::drive) has something to do.
    pub(crate) fn next_timeout(&self) -> Nanos {
        let waiting = self.waiting.iter().map(|waiting| waiting.deadline).min();
        let session = if self.link.is_ready() { self.session.next_timeout() } else { Nanos::MAX };
        let link = if self.session.ended.is_none() { self.link.next_timeout() } else { Nanos::MAX };
        session.min(link).min(waiting.unwrap_or(Nanos::MAX))
    }
}
