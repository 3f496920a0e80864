/* Made by make assets from a source with the SHA-256 digest 5d8064424effc528169be697d07b0bfdf7e153ccb6d4e2d0470a73e9a9ec3dee. */
for(const t of document.querySelectorAll("button[data-copy]"))navigator.clipboard&&(t.hidden=!1,t.addEventListener("click",()=>{navigator.clipboard.writeText(t.dataset.copy).then(()=>{t.textContent=t.dataset.done},()=>{t.hidden=!0})}));
