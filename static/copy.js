// The buttons that copy what stands beside them. Without this script the text can be selected.
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue; // which only pages on https have
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(button.dataset.copy).then(
      () => {
        button.textContent = button.dataset.done;
      },
      () => {
        button.hidden = true; // the browser does not allow it
      },
    );
  });
}
