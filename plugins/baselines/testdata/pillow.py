"""Writes pillow.json: what Pillow makes of small images, and colorsys of hues.

Run with Pillow 9.4: python3 pillow.py > pillow.json
"""
import base64, colorsys, json, random
from PIL import Image, ImageEnhance, ImageOps

W, H = 24, 18
random.seed(1)


def picture(pixel):
    m = Image.new("RGB", (W, H))
    m.putdata([tuple(min(255, max(0, int(v))) for v in pixel(i % W, i // W)) for i in range(W * H)])
    return m


inputs = {
    "noise": picture(lambda x, y: [random.randrange(256) for _ in range(3)]),
    "faint": picture(lambda x, y: [90 + 3 * x + random.gauss(0, 4), 100 + y, 120 + random.gauss(0, 10)]),
    "plain": picture(lambda x, y: (200, 17, 17 + (x == 3 and y == 5))),
}


def pixels(m):
    return base64.b64encode(m.tobytes()).decode()


def hues(m, turn):
    out = bytearray()
    for r, g, b in m.getdata():
        h, s, v = colorsys.rgb_to_hsv(r / 255, g / 255, b / 255)
        out += bytes(int(c * 255 + 0.5) for c in colorsys.hsv_to_rgb((h + turn) % 1, s, v))
    return base64.b64encode(bytes(out)).decode()


operations = {
    "posterize": (lambda m, k: ImageOps.posterize(m, int(k)), [1, 3, 8]),
    "solarize": (lambda m, k: ImageOps.solarize(m, int(k)), [32, 77, 128]),
    "invert": (lambda m, k: ImageOps.invert(m), [0]),
    "autocontrast": (lambda m, k: ImageOps.autocontrast(m, int(k)), [0, 3, 20]),
    "equalize": (lambda m, k: ImageOps.equalize(m), [0]),
    "sharpness": (lambda m, k: ImageEnhance.Sharpness(m).enhance(k), [0, 0.3, 1.75]),
    "brightness": (lambda m, k: ImageEnhance.Brightness(m).enhance(k), [0.875, 1.25]),
    "contrast": (lambda m, k: ImageEnhance.Contrast(m).enhance(k), [0.875, 1.25]),
    "color": (lambda m, k: ImageEnhance.Color(m).enhance(k), [0.875, 1.25]),
}
cases = []
for name, m in inputs.items():
    for op, (f, values) in operations.items():
        cases += [{"input": name, "op": op, "value": k, "pixels": pixels(f(m, k))} for k in values]
    cases += [{"input": name, "op": "hue", "value": t, "pixels": hues(m, t)} for t in [0.1, -0.3, 0.5]]
print(json.dumps({"width": W, "height": H, "inputs": {k: pixels(m) for k, m in inputs.items()}, "cases": cases}, indent=0))
