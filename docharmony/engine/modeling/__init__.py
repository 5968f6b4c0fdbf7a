"""The published TextHarmony engine in torch, one readable file a part (extra ``torch``).

``vision`` image -> tokens and feature maps; ``language`` tokens -> hidden states and logits;
``image_decoder`` hidden states -> image; ``slide_lora`` the gated experts; ``deformable`` the
sampling attention that three parts share; ``resampler`` the Q-Former; ``loading`` checkpoints.
Shapes stand in end-of-line comments: B batch, T tokens, C channels, N images, L levels, H heads,
P points, E experts, R rank.

Where the paper (arXiv 2407.16364) and the release differ, the release is what loads:

- The paper weighs the experts of Slide-LoRA with a gating network. The release has no such network;
  it fixes the weights by task: half a specific expert, half the shared one. Both are here
  (``SlideLoraSpec.gate``).
- The release guesses the task from words in the prompt. Here it is always said.
- The paper tries experts in the vision encoder too; the release has ordinary LoRA there, on q, k, v.
"""
