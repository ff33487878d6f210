import { deviceWords } from "./words.js";

const VIDEO: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" };
const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

export type Device = "audio" | "video";

export interface Captured {
  audio?: MediaStreamTrack;
  video?: MediaStreamTrack;
  /** What to say about a device that could not be had. */
  problems: string[];
}

const WHAT: Record<Device, string> = { audio: "microphone", video: "camera" };

/** One device. Throws the browser's `DOMException`. */
export async function capture(device: Device): Promise<MediaStreamTrack> {
  if (!navigator.mediaDevices) throw new DOMException("", "InsecureContext");
  const constraints = device === "audio" ? { audio: AUDIO } : { video: VIDEO };
  const [track] = (await navigator.mediaDevices.getUserMedia(constraints)).getTracks();
  if (!track) throw new DOMException("", "NotFoundError");
  return track;
}

/** Words for what `capture` threw. */
export function captureProblem(error: unknown, device: Device): string {
  return deviceWords(error instanceof DOMException ? error.name : String(error), WHAT[device]);
}

/** Camera and microphone, in one question to the person; what can be had of them if not both. */
export async function captureBoth(): Promise<Captured> {
  if (!navigator.mediaDevices) {
    return { problems: [deviceWords("InsecureContext", "camera or microphone")] };
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: AUDIO, video: VIDEO });
    return found(stream.getAudioTracks()[0], stream.getVideoTracks()[0], []);
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "NotAllowedError" && !(await oneIsAllowed())) {
      return { problems: [deviceWords(name, "camera and microphone")] };
    }
    return captureEach();
  }
}

async function captureEach(): Promise<Captured> {
  const problems: string[] = [];
  const attempt = (device: Device) =>
    capture(device).catch((error: unknown) => {
      problems.push(captureProblem(error, device));
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

function found(audio: MediaStreamTrack | undefined, video: MediaStreamTrack | undefined, problems: string[]): Captured {
  return { ...(audio ? { audio } : {}), ...(video ? { video } : {}), problems };
}
