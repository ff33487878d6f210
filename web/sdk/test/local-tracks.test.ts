import assert from "node:assert/strict";
import { test } from "node:test";
import { RoomlineError } from "../src/errors.js";
import { LocalTracks } from "../src/local-tracks.js";
import type { LocalParticipant } from "../src/participant.js";
import type { Paths } from "../src/paths.js";
import { LocalPublication } from "../src/track.js";
import type { Link } from "../src/track.js";
import type { Transport } from "../src/transport.js";
import { FakeTrack, track } from "./fakes.js";

const link = {} as Link;

/** A publication, and a transport on which the negotiations of `turns` have their turn one by one. */
function mirrored(turns: (() => Promise<void>)[]) {
  const media = { track: new FakeTrack("video") as unknown as MediaStreamTrack, source: "camera" as const };
  const publication = new LocalPublication(track("TR_1", "PA_me") as never, media, link);
  const made: object[] = [];
  const released: unknown[] = [];
  const transport = {
    addSender: () => made[made.push({ mid: "0" }) - 1],
    releaseSender: (sender: unknown) => released.push(sender),
  } as unknown as Transport;
  let queue: Promise<unknown> = Promise.resolve();
  const paths = {
    negotiate: (_: Transport, change: () => void) => {
      const turn = turns.shift() ?? (async () => undefined);
      const done = queue.then(async () => {
        change();
        await turn();
      });
      queue = done.catch(() => undefined);
      return done;
    },
  } as unknown as Paths;
  const participant = { publications: new Map([["TR_1", publication]]) } as unknown as LocalParticipant;
  const tracks = new LocalTracks(participant, paths, link, () => assert.fail("told"));
  return { tracks, transport, publication, made, released };
}

test("a track is offered to a bridge once, however many want it there", async () => {
  const { tracks, transport, publication, made } = mirrored([]);
  await Promise.all([tracks.mirror(transport), tracks.mirror(transport)]);
  assert.equal(made.length, 1);
  assert.equal(publication.senders.get(transport), made[0]);
});

test("a track that a bridge did not take is offered to it again", async () => {
  const refuse = () => Promise.reject(new RoomlineError("internal", "not now"));
  const { tracks, transport, publication, made, released } = mirrored([refuse]);
  await assert.rejects(tracks.mirror(transport), /not now/);
  assert.equal(publication.senders.has(transport), false);
  assert.deepEqual(released, made);
  await tracks.mirror(transport);
  assert.equal(made.length, 2);
});
