import { recall, remember } from "./memory.js";
import { deviceWords } from "./words.js";

const VIDEO: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" };
const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export type Device = "audio" | "video";
/** What can be chosen: the kinds of `MediaDeviceInfo`. */
export type Kind = MediaDeviceKind;

export interface Captured {
  audio?: MediaStreamTrack;
  video?: MediaStreamTrack;
  /** What to say about a device that could not be had; made when asked, in the language of then. */
  problems: (() => string)[];
}

const INPUT: Record<Device, Kind> = { audio: "audioinput", video: "videoinput" };
const NAMES = { audio: "theMicrophone", video: "theCamera" } as const;

/** The device chosen here before, by its id; empty is the system's default. */
export function chosen(kind: Kind): string {
  return recall(`roomline.${kind}`);
}

export function choose(kind: Kind, deviceId: string): void {
  remember(`roomline.${kind}`, deviceId);
}

/** One device: the chosen one, or another when that is not there. Throws the browser's `DOMException`. */
export async function capture(device: Device): Promise<MediaStreamTrack> {
  if (!navigator.mediaDevices) throw new DOMException("", "InsecureContext");
  const [track] = (await ask(device)).getTracks();
  if (!track) throw new DOMException("", "NotFoundError");
  return track;
}

/** Asks for the chosen devices, and when one of them is gone for what comes closest. */
async function ask(...wanted: Device[]): Promise<MediaStream> {
  const get = (strength: Strength) =>
    navigator.mediaDevices.getUserMedia(Object.fromEntries(wanted.map((each) => [each, constraints(each, strength)])));
  try {
    // Chromium does not heed a microphone that is merely ideal.
    return await get("exact");
  } catch (error) {
    if ((error as { name?: unknown }).name !== "OverconstrainedError") throw error;
    return get("ideal");
  }
}

type Strength = "exact" | "ideal";

function constraints(device: Device, strength: Strength): MediaTrackConstraints {
  const wanted = device === "audio" ? AUDIO : VIDEO;
  const deviceId = chosen(INPUT[device]);
  if (!deviceId) return wanted;
  // The other way round it could be a camera that looks away from its owner.
  const { facingMode: _, ...others } = wanted;
  return { ...others, deviceId: { [strength]: deviceId } };
}

/** Words for what `capture` threw. */
export function captureProblem(error: unknown, device: Device): string {
  return deviceWords(error instanceof DOMException ? error.name : String(error), NAMES[device]);
}

/** Camera and microphone, in one question to the person; what can be had of them if not both. */
export async function captureBoth(): Promise<Captured> {
  if (!navigator.mediaDevices) return { problems: [() => deviceWords("InsecureContext", "cameraOrMicrophone")] };
  try {
    const stream = await ask("audio", "video");
    return found(stream.getAudioTracks()[0], stream.getVideoTracks()[0], []);
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "NotAllowedError" && !(await oneIsAllowed())) {
      return { problems: [() => deviceWords(name, "cameraAndMicrophone")] };
    }
    return captureEach();
  }
}

async function captureEach(): Promise<Captured> {
  const problems: (() => string)[] = [];
  const attempt = (device: Device) =>
    capture(device).catch((error: unknown) => {
      problems.push(() => captureProblem(error, device));
      return undefined;
    });
  return found(await attempt("audio"), await attempt("video"), problems);
}

/** Whether asking for one alone would do without bothering the person, who has just said no. */
async function oneIsAllowed(): Promise<boolean> {
  for (const name of ["camera", "microphone"]) {
    try {
      const { state } = await navigator.permissions.query({ name: name as PermissionName });
      if (state === "granted") return true;
    } catch {
      // Not every browser can be asked.
    }
  }
  return false;
}

function found(
  audio: MediaStreamTrack | undefined,
  video: MediaStreamTrack | undefined,
  problems: Captured["problems"],
): Captured {
  return { ...(audio ? { audio } : {}), ...(video ? { video } : {}), problems };
}

/** The devices of the machine that have names, which they get with the permission. */
export async function devices(): Promise<MediaDeviceInfo[]> {
  if (!navigator.mediaDevices) return [];
  return (await navigator.mediaDevices.enumerateDevices()).filter(({ deviceId }) => deviceId !== "");
}

/** Whether sound can go to another device than the system's default. */
export function canChooseSpeaker(): boolean {
  return "setSinkId" in HTMLMediaElement.prototype;
}

/** Whether there is a way to share the screen; phones have none. */
export function canShareScreen(): boolean {
  return Boolean(navigator.mediaDevices) && "getDisplayMedia" in navigator.mediaDevices;
}
