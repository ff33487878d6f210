/** How often a level is looked at: often enough for the eye, seldom enough for the battery. */
const EVERY_MS = 60;

/**
 * Measures how loud a track is (0 to 1) and shows it as `--level` of the elements. Returns the end of
 * it. Works from an analyser, so the same in every browser.
 */
export function meter(track: MediaStreamTrack, ...bars: HTMLElement[]): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const show = (level: string) => bars.forEach((bar) => bar.style.setProperty("--level", level));
  const timer = window.setInterval(() => {
    if (context.state === "suspended") void context.resume();
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    show(Math.min(1, Math.sqrt(power) * 5).toFixed(2));
  }, EVERY_MS);
  return () => {
    window.clearInterval(timer);
    show("0");
    void context.close();
  };
}
