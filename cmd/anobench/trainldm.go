package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/anobench/anobench/plugins/anomalydiffusion/pretraining"
)

func newTrainLDM() *cobra.Command {
	t := pretraining.Default
	to := ""
	cmd := &cobra.Command{
		Use:   "train-ldm",
		Short: "Train AnomalyDiffusion's small latent diffusion model again",
		Long: `Train the small latent diffusion model that AnomalyDiffusion uses where the paper's
is not to be had: on flawless pieces of the embedded data set's families (of another
seed than its own), procedural textures, and flaws that are drawn onto them. It takes
an hour or two on two cores. A run that was stopped goes on from the autoencoder,
if that was finished.`,
		Example: "  anobench weights train-ldm --out small.safetensors",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if t.PerKind < 1 || t.AutoencoderSteps < 1 || t.Examples < 1 || t.DescriberSteps < 1 || t.DiffusionSteps < 1 {
				return usagef("--per-kind, --autoencoder-steps, --examples, --describer-steps and --diffusion-steps must be at least 1")
			}
			err := pretraining.Run(cmd.Context(), to, t, func(part string, step, steps int, loss float64, left time.Duration) {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s: step %d of %d  loss %.4f  %s left\n", part, step, steps, loss, left.Round(time.Second))
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrote %s\n", to)
			return err
		},
	}
	cmd.Flags().StringVar(&to, "out", "small.safetensors", "file to write")
	cmd.Flags().Uint64Var(&t.Seed, "seed", t.Seed, "seed of the pictures, the first weights and the order")
	cmd.Flags().IntVar(&t.PerKind, "per-kind", t.PerKind, "pieces drawn of each family and texture")
	cmd.Flags().IntVar(&t.AutoencoderSteps, "autoencoder-steps", t.AutoencoderSteps, "steps of the autoencoder, of 8 pictures")
	cmd.Flags().IntVar(&t.Examples, "examples", t.Examples, "pictures that the noise predictor learns from")
	cmd.Flags().IntVar(&t.DescriberSteps, "describer-steps", t.DescriberSteps, "steps of the describer, of 16 pictures")
	cmd.Flags().IntVar(&t.DiffusionSteps, "diffusion-steps", t.DiffusionSteps, "steps of the noise predictor, of 16 pictures")
	return cmd
}
