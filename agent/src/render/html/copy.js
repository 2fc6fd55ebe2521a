for (const command of document.querySelectorAll(".command")) {
  const button = document.createElement("button");
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    const text = command.querySelector("pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // A page from a file may not have the clipboard: the command is selected, to be copied by hand.
      getSelection().selectAllChildren(command.querySelector("pre"));
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  command.append(button);
}
