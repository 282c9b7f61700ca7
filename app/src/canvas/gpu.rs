//! The canvas on the graphics card: a 16-bit image and 8-bit labels as integer textures.
//!
//! The picture and the masks in memory stay the truth; textures are copies. An image is written again when
//! another one is shown, the fills of a case only where a stroke changed them.

use std::sync::Arc;

use eframe::egui::{PaintCallback, PaintCallbackInfo, Rect};
use eframe::egui_wgpu::{self, CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};
use eframe::wgpu;
use engine::domain::GrayImage;

use super::labels::{Changes, LiveLabels};

/// Added to a label's opacity: lines that rise to the right.
pub const HATCH_UP: f32 = 2.0;
/// Added to a label's opacity: lines that fall to the right.
pub const HATCH_DOWN: f32 = 4.0;

/// Labels a picture can have, zero included.
pub const MAX_LABELS: usize = 32;

/// What the shader reads; the layout of `Params` in `shader.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Params {
    /// Framebuffer position of the image's top left corner.
    pub origin: [f32; 2],
    /// Image pixels per framebuffer pixel.
    pub scale: f32,
    /// Window width.
    pub window: f32,
    /// Image size in pixels.
    pub size: [f32; 2],
    /// Window level.
    pub level: f32,
    /// 1 swaps black and white.
    pub inverted: f32,
    /// Label picture size; zero hides it.
    pub label_size: [f32; 2],
    /// 1 draws the image, 0 leaves black.
    pub has_image: f32,
    /// Nothing.
    pub unused: f32,
    /// Colour and opacity of each label; opacity plus [`HATCH_UP`] or [`HATCH_DOWN`] is hatched.
    pub colors: [[f32; 4]; MAX_LABELS],
}

/// A picture of small numbers: which layer fills a pixel, zero for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Side in pixels.
    pub size_px: u32,
    /// Row by row.
    pub bytes: Vec<u8>,
}

/// Pipeline and textures, kept in egui's callback resources.
struct Resources {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    slots: Vec<Slot>,
}

/// Views that can be on the screen at once.
pub const MAX_SLOTS: usize = 16;

/// What one view shows: its numbers, its image and its labels.
struct Slot {
    params: wgpu::Buffer,
    image: wgpu::Texture,
    labels: wgpu::Texture,
    bind_group: wgpu::BindGroup,
    image_key: usize,
    labels_key: usize,
    /// State of the live labels that the texture shows.
    labels_state: u64,
    // Kept so that a key, an address, cannot be used again while its texture shows it.
    held: (Option<Arc<GrayImage>>, Option<Fills>),
}

impl Slot {
    fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout) -> Self {
        let params = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("canvas"),
            size: std::mem::size_of::<Params>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let image = texture(device, wgpu::TextureFormat::R16Uint, 1, 1);
        let labels = texture(device, wgpu::TextureFormat::R8Uint, 1, 1);
        let bind_group = bind(device, layout, &params, &image, &labels);
        Self { params, image, labels, bind_group, image_key: 0, labels_key: 0, labels_state: 0, held: (None, None) }
    }
}

impl Slot {
    /// Brings the label texture up to date; true when it was made anew.
    fn show_fills(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, fills: &Fills) -> bool {
        let is_new = self.labels_key != fills.address();
        let mut fresh = false;
        let mut fit = |slot: &mut Self, side: u32| {
            if slot.labels.width() != side {
                slot.labels = texture(device, wgpu::TextureFormat::R8Uint, side, side);
                fresh = true;
            }
        };
        match fills {
            Fills::Still(labels) if is_new => {
                fit(self, labels.size_px);
                upload(queue, &self.labels, &labels.bytes, 1);
            }
            Fills::Still(_) => {}
            Fills::Live(labels) => {
                let Ok(picture) = labels.lock() else { return false };
                fit(self, picture.size_px());
                let seen = if is_new || fresh { None } else { Some(self.labels_state) };
                match picture.changes_since(seen) {
                    Changes::None => {}
                    Changes::Block(block) => upload_block(queue, &self.labels, picture.bytes(), &block),
                    Changes::All => upload(queue, &self.labels, picture.bytes(), 1),
                }
                self.labels_state = picture.state();
            }
        }
        if is_new {
            self.labels_key = fills.address();
            self.held.1 = Some(fills.clone());
        }
        fresh
    }
}

/// Creates pipeline and textures and returns the largest side of a picture in pixels.
///
/// `None`, and no pipeline, where the card lacks a format: the canvas then paints plain textures.
pub fn install(render_state: &RenderState) -> Option<u32> {
    let device = &render_state.device;
    let usable = |format: wgpu::TextureFormat| {
        let needed = wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST;
        render_state.adapter.get_texture_format_features(format).allowed_usages.contains(needed)
    };
    if !usable(wgpu::TextureFormat::R16Uint) || !usable(wgpu::TextureFormat::R8Uint) {
        return None;
    }
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("canvas"),
        source: wgpu::ShaderSource::Wgsl(include_str!("shader.wgsl").into()),
    });
    let texture_entry = |binding| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Uint,
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        },
        count: None,
    };
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("canvas"),
        entries: &[
            wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::FRAGMENT,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            },
            texture_entry(1),
            texture_entry(2),
        ],
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("canvas"),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("canvas"),
        layout: Some(&pipeline_layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("vs_main"),
            buffers: &[],
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("fs_main"),
            targets: &[Some(render_state.target_format.into())],
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        }),
        multiview_mask: None,
        cache: None,
    });
    let slots = vec![Slot::new(device, &layout)];
    let resources = Resources { pipeline, layout, slots };
    render_state.renderer.write().callback_resources.insert(resources);
    Some(device.limits().max_texture_dimension_2d)
}

fn texture(device: &wgpu::Device, format: wgpu::TextureFormat, width: u32, height: u32) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("canvas"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

fn bind(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    params: &wgpu::Buffer,
    image: &wgpu::Texture,
    labels: &wgpu::Texture,
) -> wgpu::BindGroup {
    let view = |t: &wgpu::Texture| t.create_view(&wgpu::TextureViewDescriptor::default());
    let (image, labels) = (view(image), view(labels));
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("canvas"),
        layout,
        entries: &[
            wgpu::BindGroupEntry { binding: 0, resource: params.as_entire_binding() },
            wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&image) },
            wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::TextureView(&labels) },
        ],
    })
}

fn upload(queue: &wgpu::Queue, texture: &wgpu::Texture, bytes: &[u8], bytes_per_pixel: u32) {
    let size = texture.size();
    queue.write_texture(
        texture.as_image_copy(),
        bytes,
        wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(size.width * bytes_per_pixel), rows_per_image: None },
        size,
    );
}

/// Writes a block of a picture of labels into the texture; the rest stays.
fn upload_block(queue: &wgpu::Queue, texture: &wgpu::Texture, bytes: &[u8], block: &engine::domain::PixelBlock) {
    let width = texture.width();
    let size = wgpu::Extent3d { width: block.width(), height: block.height(), depth_or_array_layers: 1 };
    queue.write_texture(
        wgpu::TexelCopyTextureInfo { origin: wgpu::Origin3d { x: block.x0, y: block.y0, z: 0 }, ..texture.as_image_copy() },
        bytes,
        wgpu::TexelCopyBufferLayout {
            offset: u64::from(block.y0) * u64::from(width) + u64::from(block.x0),
            bytes_per_row: Some(width),
            rows_per_image: None,
        },
        size,
    );
}

/// Where a view's fills come from.
#[derive(Clone, Debug)]
pub enum Fills {
    /// A picture that does not change; another one has another address.
    Still(Arc<Labels>),
    /// The open case, which tells where it changed.
    Live(LiveLabels),
}

impl Fills {
    fn address(&self) -> usize {
        match self {
            Self::Still(labels) => Arc::as_ptr(labels) as usize,
            Self::Live(labels) => Arc::as_ptr(labels) as usize,
        }
    }
}

/// One frame of a view.
struct Frame {
    slot: usize,
    params: Params,
    image: Option<Arc<GrayImage>>,
    fills: Fills,
}

/// The shape that paints an image with its fills into a rectangle.
///
/// Every view of a frame has a `slot` of its own, below [`MAX_SLOTS`]; the canvas is slot 0.
pub fn callback(rect: Rect, slot: usize, params: Params, image: Option<Arc<GrayImage>>, labels: Arc<Labels>) -> PaintCallback {
    view(rect, slot, params, image, Fills::Still(labels))
}

/// The same with fills from anywhere.
pub fn view(rect: Rect, slot: usize, params: Params, image: Option<Arc<GrayImage>>, fills: Fills) -> PaintCallback {
    let slot = slot.min(MAX_SLOTS - 1);
    egui_wgpu::Callback::new_paint_callback(rect, Frame { slot, params, image, fills })
}

impl CallbackTrait for Frame {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let Some(resources) = resources.get_mut::<Resources>() else { return Vec::new() };
        while resources.slots.len() <= self.slot {
            resources.slots.push(Slot::new(device, &resources.layout));
        }
        let slot = &mut resources.slots[self.slot];
        queue.write_buffer(&slot.params, 0, bytemuck::bytes_of(&self.params));
        let mut rebind = false;
        if let Some(image) = &self.image {
            let key = Arc::as_ptr(image) as usize;
            if key != slot.image_key {
                if (slot.image.width(), slot.image.height()) != (image.width(), image.height()) {
                    slot.image = texture(device, wgpu::TextureFormat::R16Uint, image.width(), image.height());
                    rebind = true;
                }
                upload(queue, &slot.image, bytemuck::cast_slice(image.pixels()), 2);
                slot.image_key = key;
                slot.held.0 = Some(Arc::clone(image));
            }
        }
        rebind |= slot.show_fills(device, queue, &self.fills);
        if rebind {
            slot.bind_group = bind(device, &resources.layout, &slot.params, &slot.image, &slot.labels);
        }
        Vec::new()
    }

    fn paint(&self, _info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        if let Some(r) = resources.get::<Resources>()
            && let Some(slot) = r.slots.get(self.slot)
        {
            pass.set_pipeline(&r.pipeline);
            pass.set_bind_group(0, &slot.bind_group, &[]);
            pass.draw(0..3, 0..1);
        }
    }
}
