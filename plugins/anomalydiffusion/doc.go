// Package anomalydiffusion is the paper's generator (Hu et al., AAAI 2024): a latent
// diffusion model that paints a given anomaly into a given mask of a normal image.
//
// A fit learns embeddings of the anomalies, along with the encoder that turns masks into
// spatial embeddings (inversion.go), and makes masks by embeddings of masks (maskgenerator.go).
// Generation paints into normal images, and leaves what is around the mask (painter.go);
// meanwhile it weighs attention to the prompt by what still looks normal (steering.go,
// reweighting.go). Textual inversion, alone and with Prompt-to-Prompt, is the same with
// less. Package ldm has the diffusion model.
package anomalydiffusion
