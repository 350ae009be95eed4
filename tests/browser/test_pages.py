"""The pages of `report`, `sweep` and `lab` in Chromium, as wide as a desk's and as a phone's screen: nothing on the
console, nothing fetched but the page itself, every canvas drawn, every picture there, nothing wider than the screen."""

import functools
import http.server
import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from harness import DEVICE, Case, write_mnist

CHROMIUM = os.environ.get("CHROMIUM", "chromium")
WIDTHS = {"desk": 1200, "phone": 390}

LAB = """\
dropcl: 1
model:
  name: tiny
  input: [28, 28, 1]
  layers:
    - dense:   {name: fc1, units: 32, activation: relu}
    - dropout: {rate: 0.5}
    - dense:   {name: fc2, units: 16, activation: relu}
    - dropout: {rate: 0.25}
    - dense:   {name: fc3, units: 10}
train:
  dataset: mnist
  batch: 32
  epochs: 2
  limit: 200
  optimizer: {sgd: {lr: 0.05, momentum: 0.9}}
"""

# Put into the page before anything else runs: what it complains about is kept.
SPY = """<script>
window.faults = [];
for (const kind of ["error", "warn"])
  console[kind] = (...words) => window.faults.push(kind + ": " + words.join(" "));
window.addEventListener("error", (event) => window.faults.push("error: " + (event.message || event.target.outerHTML)), true);
window.addEventListener("unhandledrejection", (event) => window.faults.push("rejection: " + event.reason));
window.addEventListener("securitypolicyviolation", (event) => window.faults.push("fetch: " + event.blockedURI));
</script>
<meta http-equiv="Content-Security-Policy" content="default-src 'unsafe-inline' data:">"""

# Around it: a frame as wide as the screen to be tried (a window cannot be as narrow as a phone), and what is seen in it.
FRAME = """<!doctype html><body style="margin:0"><iframe id="page" src="PAGE" width="WIDTH" height="900"
style="border:0"></iframe><script>
const blank = (canvas) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let inked = 0;
  for (let i = 3; i < pixels.length; i += 4) inked += pixels[i] !== 0;
  return inked < 100;
};
const frame = document.getElementById("page");
frame.onload = () => setTimeout(() => {
  const page = frame.contentDocument, view = frame.contentWindow;
  const canvases = [...page.querySelectorAll("canvas")], pictures = [...page.querySelectorAll("img")];
  pictures.forEach((picture) => { picture.loading = "eager"; });
  const played = [...page.querySelectorAll(".player")].map((player) => {
    const slider = player.querySelector("input"), titles = new Set();
    for (slider.value = 0; ; slider.value++) {
      slider.dispatchEvent(new Event("input"));
      titles.add(player.querySelector("svg").outerHTML);
      if (slider.value === slider.max) return titles.size;
    }
  });
  Promise.all(pictures.map((picture) => picture.decode().catch(() => {}))).then(() => {
    fetch("seen", {method: "POST", body: JSON.stringify({
      faults: view.faults, title: page.title, width: page.documentElement.scrollWidth,
      headings: [...page.querySelectorAll("h2")].map((node) => node.textContent),
      canvases: canvases.length, blank: canvases.filter(blank).length,
      pictures: pictures.length, broken: pictures.filter((picture) => !picture.naturalWidth).length,
      played, networks: page.querySelectorAll("svg.network circle").length,
    })});
  });
}, 300);
</script>"""


class Site(http.server.SimpleHTTPRequestHandler):
    """Serves the pages; what the frame has seen comes back to it."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.seen.put(json.loads(body))

    def log_message(self, *words):
        pass


class Pages(Case):
    def setUp(self):
        super().setUp()
        write_mnist(self.data, train=256, test=64)
        self.site = self.path("site")
        os.makedirs(self.site)
        handler = functools.partial(Site, directory=self.site)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.seen = queue.Queue()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def look(self, page, width):
        with open(page, encoding="utf-8") as file:
            text = file.read().replace("<head>", "<head>" + SPY, 1)
        frame = FRAME.replace("PAGE", "page.html").replace("WIDTH", str(width))
        for name, content in (("page.html", text), ("frame.html", frame)):
            with open(os.path.join(self.site, name), "w", encoding="utf-8") as file:
                file.write(content)
        address = f"http://127.0.0.1:{self.server.server_address[1]}/frame.html"
        log = self.path("chromium.log")
        with tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True) as profile, open(log, "w") as out:
            command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
            command += ["--window-size=1280,1000", address]
            process = subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=out, start_new_session=True)
            try:
                return self.server.seen.get(timeout=60)
            except queue.Empty:
                self.fail(f"the page was never seen; {log}: {self.read('chromium.log')[-2000:]}")
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def check(self, page, canvases, pictures=0):
        """Every chart of the page's data is drawn, and there are at least so many."""
        with open(page, encoding="utf-8") as file:
            charts = len(re.findall(r'"kind": ?"chart"', file.read()))
        for screen, width in WIDTHS.items():
            with self.subTest(page=os.path.basename(page), screen=screen):
                seen = self.look(page, width)
                self.assertEqual(seen["faults"], [])
                self.assertEqual(seen["canvases"], charts)
                self.assertGreaterEqual(charts, canvases)
                self.assertEqual(seen["blank"], 0, "a canvas is empty")
                self.assertGreaterEqual(seen["pictures"], pictures)
                self.assertEqual(seen["broken"], 0, "a picture is broken")
                self.assertLessEqual(seen["width"], width, "the page is wider than the screen")
        return seen

    def test_report_of_one_run_with_a_nasty_name(self):
        self.train("--set", "train.validation=64", out="<b>'\"&<%2Fscript>")
        page = self.path("report.html")
        self.ok("report", self.path("<b>'\"&<%2Fscript>"), "--device", DEVICE, "--out", page)
        seen = self.check(page, canvases=2, pictures=1)
        self.assertEqual(seen["title"], "<b>'\"&<%2Fscript>")
        self.assertIn("Mistakes of <b>'\"&<%2Fscript>", seen["headings"])

    def test_sweep_and_the_report_on_it(self):
        words = ["--vary", "model.layers.1.dropout.rate=0,0.5", "--vary", "train.optimizer={sgd: {lr: 0.1}},{adam: {lr: 0.001}}"]
        words += ["--seeds", "1,2", "--set", "train.validation=64", "--epochs", "2", "--out", self.path("s")]
        self.ok("sweep", self.recipe, "--device", DEVICE, *words)
        self.check(self.path("s", "report.html"), canvases=10)
        page = self.path("report.html")
        self.ok("report", self.path("s"), "--device", DEVICE, "--out", page)
        self.check(page, canvases=6, pictures=8)

    def test_the_laboratory(self):
        recipe = self.write("lab.yaml", LAB)
        self.ok("lab", recipe, "--device", DEVICE, "--out", self.path("lab"), timeout=800)
        seen = self.check(self.path("lab", "report.html"), canvases=21, pictures=43)
        self.assertEqual(len(seen["headings"]), 11)
        self.assertGreater(seen["networks"], 50)
        self.assertEqual(seen["played"], [12], "not every step of the animation has a picture of its own")

    def test_the_spy_sees(self):
        """What the other tests look for would be found: a planted fault of each kind."""
        self.train("--epochs", "1", out="one")
        page = self.path("report.html")
        self.ok("report", self.path("one"), "--device", DEVICE, "--out", page)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        planted = '<script>console.error("planted");missing()</script><img src="http://127.0.0.1:1/x.png">'
        planted += '<canvas></canvas><div style="width:2000px">wide</div>'
        with open(page, "w", encoding="utf-8") as file:
            file.write(text.replace("</body>", planted + "</body>"))
        seen = self.look(page, 390)
        said = " ".join(seen["faults"])
        for word in ("planted", "missing is not defined", "fetch: http://127.0.0.1:1/x.png"):
            self.assertIn(word, said)
        self.assertEqual((seen["blank"], seen["broken"]), (1, 1))
        self.assertGreaterEqual(seen["width"], 2000)


unittest.main(verbosity=2)
