/* Made by make assets from a source with the SHA-256 digest 957cdbefef84d56b6b4808c3d4692844447fe870541a6ed8307d716a4112298a. */
for(const t of document.querySelectorAll("button[data-copy]"))navigator.clipboard&&(t.hidden=!1,t.addEventListener("click",()=>{navigator.clipboard.writeText(t.dataset.copy).then(()=>{t.textContent=t.dataset.done},()=>{t.hidden=!0})}));
