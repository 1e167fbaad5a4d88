// Package thinking separates what a model answers from what it thinks before that.
//
// Many models, and the servers in front of them, write the thoughts into the answer
// itself, between marks: <think> and </think> (DeepSeek, Qwen, Kimi on vLLM), ◁think▷ and
// ◁/think▷ (Kimi), <thinking>, <reasoning>, <thought>, [THINK] (Mistral),
// <|begin_of_thought|>, <seed:think>, and the channels of gpt-oss. The thoughts may
// hold drafts of the answer, which nobody may take for the answer.
//
// A mark counts only before the answer has begun: an answer that begins with a bracket, a
// quote or a fence is data, and the marks in it are its own. A closing mark without an
// opening one ends thoughts too, because some servers put the opening mark into the prompt;
// what came before it was a thought.
package thinking
