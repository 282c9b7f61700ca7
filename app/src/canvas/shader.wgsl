// The radiograph and its mask fills: window and level, inversion, filtering and hatching on integers.

struct Params {
    // Framebuffer position of the image's top left corner.
    origin: vec2<f32>,
    // Image pixels per framebuffer pixel.
    scale: f32,
    window: f32,
    size: vec2<f32>,
    level: f32,
    inverted: f32,
    // Size of the label picture; zero hides it.
    label_size: vec2<f32>,
    has_image: f32,
    unused: f32,
    // Colour and opacity of each label; label 0 is nothing. Opacity + 2 is hatched upwards, + 4 downwards.
    colors: array<vec4<f32>, 32>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var image: texture_2d<u32>;
@group(0) @binding(2) var labels: texture_2d<u32>;

@vertex
fn vs_main(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let x = f32(i32(index & 1u) * 4 - 1);
    let y = f32(i32(index >> 1u) * 4 - 1);
    return vec4<f32>(x, y, 0.0, 1.0);
}

fn grey(at: vec2<i32>) -> f32 {
    let last = vec2<i32>(params.size) - vec2<i32>(1, 1);
    return f32(textureLoad(image, clamp(at, vec2<i32>(0, 0), last), 0).r) / 65535.0;
}

fn label(at: vec2<i32>) -> u32 {
    let last = vec2<i32>(params.label_size) - vec2<i32>(1, 1);
    return min(textureLoad(labels, clamp(at, vec2<i32>(0, 0), last), 0).r, 31u);
}

// How far between two pixels: smooth while pixels are small, a narrow step at their edge when they are large.
fn between(f: vec2<f32>, side: f32) -> vec2<f32> {
    let steep = mix(1.0, side, smoothstep(4.0, 7.0, side));
    return clamp((f - vec2<f32>(0.5)) * steep + vec2<f32>(0.5), vec2<f32>(0.0), vec2<f32>(1.0));
}

// Between four pixels.
fn enlarged(at: vec2<f32>, side: f32) -> f32 {
    let p = at - vec2<f32>(0.5, 0.5);
    let base = vec2<i32>(floor(p));
    let f = between(p - floor(p), side);
    let top = mix(grey(base), grey(base + vec2<i32>(1, 0)), f.x);
    let bottom = mix(grey(base + vec2<i32>(0, 1)), grey(base + vec2<i32>(1, 1)), f.x);
    return mix(top, bottom, f.y);
}

// The mean of what lies under one pixel of the screen.
fn reduced(at: vec2<f32>, scale: f32) -> f32 {
    let n = i32(clamp(ceil(scale), 2.0, 4.0));
    let pitch = scale / f32(n);
    let first = at - vec2<f32>(0.5 * (scale - pitch));
    var sum = 0.0;
    for (var j = 0; j < n; j++) {
        for (var i = 0; i < n; i++) {
            sum += grey(vec2<i32>(floor(first + vec2<f32>(f32(i), f32(j)) * pitch)));
        }
    }
    return sum / f32(n * n);
}

@fragment
fn fs_main(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let at = (position.xy - params.origin) * params.scale;
    if at.x < 0.0 || at.y < 0.0 || at.x >= params.size.x || at.y >= params.size.y {
        discard;
    }

    var value = 0.0;
    if params.has_image > 0.5 {
        if params.scale > 1.25 {
            value = reduced(at, params.scale);
        } else {
            value = enlarged(at, 1.0 / params.scale);
        }
        value = clamp((value - params.level) / max(params.window, 0.0001) + 0.5, 0.0, 1.0);
        if params.inverted > 0.5 {
            value = 1.0 - value;
        }
    }
    var color = vec3<f32>(value);

    if params.label_size.x > 0.5 {
        let q = at * params.label_size / params.size - vec2<f32>(0.5, 0.5);
        let base = vec2<i32>(floor(q));
        let f = between(q - floor(q), params.size.x / (params.label_size.x * params.scale));
        let nearest = label(vec2<i32>(floor(q + vec2<f32>(0.5, 0.5))));
        if nearest > 0u {
            var cover = 0.0;
            cover += select(0.0, (1.0 - f.x) * (1.0 - f.y), label(base) == nearest);
            cover += select(0.0, f.x * (1.0 - f.y), label(base + vec2<i32>(1, 0)) == nearest);
            cover += select(0.0, (1.0 - f.x) * f.y, label(base + vec2<i32>(0, 1)) == nearest);
            cover += select(0.0, f.x * f.y, label(base + vec2<i32>(1, 1)) == nearest);
            let fill = params.colors[nearest];
            var opacity = fill.a;
            if opacity > 1.5 {
                // Lines of the screen, so that they stay as wide at any zoom.
                let down = opacity > 3.5;
                opacity -= select(2.0, 4.0, down);
                let along = select(position.x + position.y, position.x - position.y, down);
                let line = abs(fract(along / 9.0) - 0.5) * 9.0;
                opacity = opacity * (0.3 + 2.2 * smoothstep(1.6, 0.9, line));
            }
            color = mix(color, fill.rgb, min(opacity, 1.0) * smoothstep(0.3, 0.6, cover));
        }
    }
    return vec4<f32>(color, 1.0);
}
